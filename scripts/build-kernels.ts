/**
 * Compiles src/kernels/ to build/kernels.wasm, and writes what the module exports as a TypeScript
 * interface to src/columnar/kernel-exports.ts. Skips the compiler when the module is newer than
 * every source.
 */
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = join(root, 'src', 'kernels')
const target = join(root, 'build', 'kernels.wasm')
const interfaceFile = join(root, 'src', 'columnar', 'kernel-exports.ts')

const compilerOptions = [
  '-O3',
  '--noAssert',
  ...['--runtime', 'stub'],
  ...['--enable', 'simd,threads'],
  ...['--importMemory', '--noExportMemory', '--sharedMemory', '--maximumMemory', '65536'],
  // Addresses are 32 bits wide; vectors pass between functions of the module only.
  ...['--disableWarning', '201', '--disableWarning', '112'],
]

/**
 * Compiles the kernels unless that was done since they changed.
 *
 * @returns the path of the module.
 */
export function buildKernels(force = false): string {
  const manifest = createRequire(import.meta.url).resolve('assemblyscript/package.json')
  const inputs = [...readdirSync(sources).map(name => join(sources, name)), manifest]
  const newest = Math.max(...inputs.map(path => statSync(path).mtimeMs))
  if (!force && existsSync(target) && statSync(target).mtimeMs > newest) return target
  mkdirSync(join(root, 'build'), { recursive: true })
  // Another process may be building too: each writes a file of its own and renames it.
  const written = `${target}.${process.pid}`
  // In a process of its own, because the compiler's types declare u32, f64 … everywhere.
  const compiler = join(dirname(manifest), 'bin', 'asc.js')
  const args = [compiler, join('src', 'kernels', 'index.ts'), '--outFile', written]
  const options = { cwd: root, encoding: 'utf8' } as const
  const { status, stderr } = spawnSync(process.execPath, [...args, ...compilerOptions], options)
  if (status !== 0 || stderr !== '') throw new Error(`The kernels do not compile\n${stderr}`)
  renameSync(written, target)
  return target
}

/** The text of src/columnar/kernel-exports.ts as the sources have it. */
export function kernelInterface(): string {
  const index = readFileSync(join(sources, 'index.ts'), 'utf8')
  const families = [...index.matchAll(/^export \* from '\.\/([\w-]+)'/gm)].map(found => found[1]!)
  const kernels = families.flatMap(family =>
    kernelsIn(readFileSync(join(sources, `${family}.ts`), 'utf8')),
  )
  const unsigned = kernels
    .filter(kernel => kernel.result === 'usize')
    .map(({ name }) => `'${name}'`)
  return [
    '/**',
    ' * The exports of the kernels, written by scripts/build-kernels.ts from their sources in',
    ' * src/kernels/. Addresses and sizes are in bytes.',
    ' */',
    'export interface KernelExports {',
    kernels.map(kernel => kernel.declaration).join('\n'),
    '}',
    '',
    '/** Kernels that return an address or a size, which WebAssembly hands over as a signed ' +
      'number. */',
    'export const UNSIGNED_RESULTS: readonly (keyof KernelExports)[] = [',
    ...unsigned.map(name => `  ${name},`),
    ']',
    '',
  ].join('\n')
}

interface Kernel {
  readonly name: string
  readonly result: string
  readonly declaration: string
}

function kernelsIn(text: string): Kernel[] {
  const declared = /^((?:\/\*\*(?:[^*]|\*(?!\/))*\*\/\n)?)export function (\w+)\(([^)]*)\): (\w+)/gm
  return [...text.matchAll(declared)].map(([, comment, name, list, result]) => {
    const parameters = [...list!.matchAll(/(\w+): \w+/g)].map(found => `${found[1]}: number`)
    const returns = result === 'void' ? 'void' : 'number'
    const oneLine = `  ${name}(${parameters.join(', ')}): ${returns}`
    const lines = [`  ${name}(`, ...parameters.map(each => `    ${each},`), `  ): ${returns}`]
    const docs = comment!.replace(/^(?=.)/gm, '  ')
    const declaration = docs + (oneLine.length <= 100 ? oneLine : lines.join('\n'))
    return { name: name!, result: result!, declaration }
  })
}

function writeInterface(): void {
  const text = kernelInterface()
  if (existsSync(interfaceFile) && readFileSync(interfaceFile, 'utf8') === text) return
  writeFileSync(interfaceFile, text)
}

if (import.meta.main) {
  writeInterface()
  buildKernels(process.argv.includes('--force'))
}
