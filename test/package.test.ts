/**
 * What users install: the tarball of `npm pack`, in an empty project, with its own dependencies
 * only. The ten lines run there from TypeScript, an ES module and CommonJS, over a real socket.
 * What this can't catch: other package managers, and a Node newer than the one that runs the tests.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const project = mkdtempSync(join(realpathSync(tmpdir()), 'pelton-package-'))
const run = promisify(execFile)
let tarball = ''
let packed: string[] = []

/** The program of the README, with a port and an interval that suit a test. */
const tenLines = (port: number): string => `
  const ssc = new StreamingContext({ batchInterval: milliseconds(100) })
  ssc.socketTextStream('127.0.0.1', ${port})
    .flatMap(line => line.split(' '))
    .map(word => [word, 1]AS_CONST)
    .reduceByKey((a, b) => a + b)
    .print()
  await ssc.start()
  await ssc.awaitTermination()
`

/** Extension → the program in that form. */
const forms: Readonly<Record<string, (port: number) => string>> = {
  ts: port =>
    `import { StreamingContext, milliseconds } from 'pelton'
     ${tenLines(port).replace('AS_CONST', ' as const')}`,
  mjs: port =>
    `import { StreamingContext, milliseconds } from 'pelton'
     ${tenLines(port).replace('AS_CONST', '')}`,
  cjs: port =>
    `const { StreamingContext, milliseconds } = require('pelton')
     async function main() { ${tenLines(port).replace('AS_CONST', '')} }
     main()`,
}

beforeAll(async () => {
  await run(process.execPath, ['scripts/build.ts'], { cwd: root })
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', project]
  const { stdout } = await run('npm', pack, { cwd: root })
  const report = JSON.parse(stdout)[0]
  tarball = join(project, report.filename)
  packed = report.files.map(({ path }: { path: string }) => path)
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }')
  const install = ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball]
  await run('npm', install, { cwd: project })
}, 120_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

describe('the tarball', () => {
  test('holds what runs and what must go with it, and no more', () => {
    for (const path of ['package.json', 'LICENSE', 'NOTICE', 'README.md', 'CHANGELOG.md']) {
      expect(packed).toContain(path)
    }
    for (const path of ['dist/index.js', 'dist/index.d.ts', 'dist/worker.js']) {
      expect(packed).toContain(path)
    }
    const built = /^(dist\/.*\.(js|d\.ts)|build\/kernels\.wasm)$/
    const papers = /^(package\.json|LICENSE|NOTICE|(README|CHANGELOG)\.md)$/
    const wanted = { test: (path: string) => built.test(path) || papers.test(path) }
    expect(packed.filter(path => !wanted.test(path))).toEqual([])
  })

  test('brings its runtime dependencies and nothing of ours for development', () => {
    const { dependencies, devDependencies } = readJson(join(root, 'package.json'))
    const installed = (name: string) => existsSync(join(project, 'node_modules', name))
    expect(Object.keys(dependencies).filter(name => !installed(name))).toEqual([])
    expect(Object.keys(devDependencies).filter(installed)).toEqual([])
  })

  test.each(Object.entries(forms))(
    'runs the ten lines from a .%s file',
    async (extension, program) => {
      const server = createServer(socket => socket.write('to be or not to be\n'))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const file = join(project, `ten-lines.${extension}`)
      writeFileSync(file, program((server.address() as AddressInfo).port))
      const child = spawn(process.execPath, [file], { cwd: project, stdio: 'pipe' })
      const exit = once(child, 'exit')
      try {
        let output = ''
        child.stderr.on('data', chunk => (output += chunk))
        for await (const chunk of child.stdout) {
          output += chunk
          // As a user does it: one Ctrl-C stops the context gracefully, a second would at once.
          if (!child.killed && /^\(be,2\)$/m.test(output)) child.kill('SIGINT')
        }
        // 128 + 2, as a shell expects of a program that SIGINT ended.
        expect((await exit)[0]).toBe(130)
        expect(output.match(/^\(.*\)$/gm)?.toSorted()).toEqual([
          '(be,2)',
          '(not,1)',
          '(or,1)',
          '(to,2)',
        ])
        expect(output).not.toMatch(/error|warning/i)
      } finally {
        child.kill('SIGKILL')
        server.close()
      }
    },
  )
})

describe('what the package declares', () => {
  test('publint finds nothing', async () => {
    const { stdout } = await tool('publint', 'run', tarball, '--strict')
    expect(stdout).toMatch(/All good!/)
  })

  test('attw finds nothing', async () => {
    // It exits with 1 if there is a problem that the profile does not leave out.
    const { stdout } = await tool('attw', tarball, '--profile', 'esm-only', '--no-emoji')
    expect(stdout).toMatch(/"pelton\/testing"/)
  })

  test('its types are those of the ten lines', async () => {
    const file = join(project, 'types.mts')
    const typeRoots = join(root, 'node_modules', '@types')
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024']
    const check = () => tool('tsc', ...options, '--types', 'node', '--typeRoots', typeRoots, file)
    writeFileSync(file, forms['ts']!(1))
    await check()
    writeFileSync(file, forms['ts']!(1).replace('a + b', 'a.length'))
    await expect(check()).rejects.toThrow(/'length' does not exist on type 'number'/)
  })
})

const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'))

/** Runs a command of the development dependencies in the project. */
async function tool(name: string, ...args: string[]) {
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' }
  const file = join(root, 'node_modules', '.bin', name)
  try {
    return await run(process.execPath, [file, ...args], { cwd: project, env })
  } catch (error) {
    // These commands say on stdout what is wrong, which execFile keeps to itself.
    throw new Error(`${name}: ${(error as { stdout?: string }).stdout}`, { cause: error })
  }
}
