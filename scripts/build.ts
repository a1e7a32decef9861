/**
 * Compiles src/ to dist/ (ESM and declarations). Skips the work when dist/ is newer than every
 * source.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Latest modification time below a path, in milliseconds. */
function newest(path: string): number {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return readdirSync(path).reduce(
    (max, name) => Math.max(max, newest(join(path, name))),
    stat.mtimeMs,
  )
}

const inputs = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package.json'].map(p =>
  join(root, p),
)
const marker = join(root, 'dist', 'index.js')
const fresh = existsSync(marker) && inputs.every(path => newest(path) < statSync(marker).mtimeMs)
if (!fresh || process.argv.includes('--force')) {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
  const compiler = [join(typescript, 'bin', 'tsc'), '-p', join(root, 'tsconfig.build.json')]
  const { status } = spawnSync(process.execPath, compiler, { stdio: 'inherit', cwd: root })
  process.exitCode = status ?? 1
}
