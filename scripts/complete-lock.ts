/**
 * Adds to package-lock.json the platform packages that optionalDependencies name and that have no
 * entry: some registries serve only a part of them, and `npm ci` refuses a lock that lacks any.
 *
 * @example
 * npm install some-package && npm run lock
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface Entry {
  version: string
  os?: string[]
  cpu?: string[]
  libc?: string[]
  dev?: boolean
  optional?: boolean
  engines?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const systems = new Set(['android', 'darwin', 'linux', 'win32', 'freebsd', 'openharmony'])
const processors = new Set(['arm64', 'x64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x'])
const path = fileURLToPath(new URL('../package-lock.json', import.meta.url))
const lock = JSON.parse(readFileSync(path, 'utf8'))
const packages: Record<string, Entry> = lock.packages
let added = 0

for (const [parent, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`
    if (place in packages || `${parent}/${place}` in packages) continue
    const words = name.slice(name.indexOf('/') + 1).split('-')
    const last = words.at(-1) ?? ''
    const musl = words.some(word => word.includes('musl'))
    const libc = musl ? ['musl'] : ['gnu', 'gnueabihf'].includes(last) ? ['glibc'] : undefined
    packages[place] = {
      version,
      cpu: words.filter(word => processors.has(word)),
      ...(entry.dev && { dev: true }),
      ...(libc && { libc }),
      optional: true,
      os: words.filter(word => systems.has(word)),
      ...(entry.engines && { engines: entry.engines }),
    }
    added++
  }
}
const { '': root, ...others } = packages
const sorted = Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1))
lock.packages = { '': root, ...Object.fromEntries(sorted) }
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${added} entries added`)
