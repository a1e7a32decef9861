/** Where values come from: globals, Node's own modules, packages, and the user's other files. */
import { existsSync, realpathSync } from 'node:fs'
import { builtinModules, createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import vm from 'node:vm'
import { parse } from 'acorn'
import type { Script } from './inspector.ts'
import { filePath } from './place.ts'
import { resolveFrom } from './resolve.ts'
import type { Syntax } from './syntax.ts'

/** An export of a module; an empty path is its namespace. */
export interface Import {
  readonly url: string
  readonly path: readonly string[]
}

/** What the import statements of a file say about one local name; `*` is the namespace. */
export interface ImportBinding {
  readonly specifier: string
  readonly name: string
}

const require = createRequire(import.meta.url)

/** Node's globals that are there from the start; looking at them costs nothing. */
const nodeGlobals =
  'console URL URLSearchParams Buffer process setTimeout clearTimeout setInterval clearInterval ' +
  'setImmediate clearImmediate queueMicrotask structuredClone global'

/** Those that Node loads when they are first looked at; they are known by name only. */
const lazyGlobals =
  'TextEncoder TextDecoder performance atob btoa crypto fetch Headers Request Response FormData ' +
  'Blob File Event EventTarget AbortController AbortSignal DOMException MessageChannel ' +
  'MessagePort ' +
  'MessageEvent BroadcastChannel WebSocket ReadableStream WritableStream TransformStream ' +
  'CompressionStream DecompressionStream navigator WebAssembly'

let languageGlobals: string[] | undefined

/** Names of the globals that JavaScript itself has, in this version of V8. */
function languageNames(): readonly string[] {
  languageGlobals ??= vm.runInNewContext('Object.getOwnPropertyNames(globalThis)') as string[]
  return languageGlobals
}

let standard: Set<string> | undefined

/** Whether every worker has a global of this name. */
export function isStandardGlobal(name: string): boolean {
  standard ??= new Set([
    ...languageNames(),
    ...nodeGlobals.split(' '),
    ...lazyGlobals.split(' '),
    'globalThis',
  ])
  return standard.has(name)
}

const ownValue = (object: object, key: string): unknown =>
  Object.getOwnPropertyDescriptor(object, key)?.value

let globals: Map<unknown, readonly string[]> | undefined

/** The path from globalThis to a standard object or function, such as `['Math', 'sqrt']`. */
export function globalPath(value: object): readonly string[] | undefined {
  if (globals) return globals.get(value)
  globals = new Map()
  const add = (object: unknown, path: readonly string[]): boolean => {
    if (!object || (typeof object !== 'object' && typeof object !== 'function')) return false
    if (globals!.has(object)) return false
    globals!.set(object, path)
    return true
  }
  const walk = (object: object, path: readonly string[], depth: number): void => {
    for (const key of Object.getOwnPropertyNames(object)) {
      const found = ownValue(object, key)
      if (depth > 0 && typeof found !== 'function' && key !== 'prototype') continue
      if (key === 'constructor') continue
      if (add(found, [...path, key]) && depth < 2 && key !== 'globalThis' && key !== 'global')
        if (key !== 'process') walk(found as object, [...path, key], depth + 1)
    }
  }
  add(globalThis, ['globalThis'])
  add(process.env, ['process', 'env'])
  for (const name of [...languageNames(), ...nodeGlobals.split(' ')]) {
    const found = ownValue(globalThis, name)
    if (add(found, [name]) && name !== 'process') walk(found as object, [name], 1)
  }
  return globals.get(value)
}

let builtins: Map<unknown, Import> | undefined
let builtinsLoaded = -1

/**
 * The `node:` module, or function of one, that a value is. Looks only at modules already loaded.
 */
export function builtinOf(value: object): Import | undefined {
  const loaded = (process as unknown as { moduleLoadList: string[] }).moduleLoadList ?? []
  if (!builtins || builtinsLoaded !== loaded.length) {
    builtins = new Map()
    builtinsLoaded = loaded.length
    const names = new Set(loaded.map(entry => entry.replace('NativeModule ', '')))
    for (const name of builtinModules) {
      if (!names.has(name) || name.startsWith('_') || name === 'process') continue
      const found = process.getBuiltinModule(name) as unknown as object | undefined
      if (!found || builtins.has(found)) continue
      const url = `node:${name}`
      builtins.set(found, { url, path: ['default'] })
      for (const key of Object.getOwnPropertyNames(found)) {
        const one = ownValue(found, key)
        if (typeof one === 'function' && !builtins.has(one))
          builtins.set(one, { url, path: ['default', key] })
      }
    }
  }
  return builtins.get(value)
}

export const isPackageUrl = (url: string): boolean => /[\\/]node_modules[\\/]/.test(url)

let entries: Set<string> | undefined

/**
 * Whether a URL is the file the process was started with; importing it would run the program again.
 */
export function isEntry(url: string): boolean {
  if (!entries) {
    entries = new Set()
    // `node .` and `node main` name no file; what CommonJS calls the main module is then the entry.
    for (const path of [process.argv[1], require.main?.filename])
      try {
        if (path) entries.add(pathToFileURL(realpathSync(path)).href)
      } catch {
        // Started from standard input or `--eval`: there is no entry file to import.
      }
  }
  return entries.has(url)
}

/** The export of the file at `url` that is this very value. The file must be loaded already. */
export function exportOf(value: unknown, url: string): Import | undefined {
  if (url.startsWith('node:')) return builtinOf(value as object)
  if (!url.startsWith('file:')) return undefined
  let exports: unknown
  try {
    exports = require(filePath(url))
  } catch {
    return undefined
  }
  // Importing a CommonJS file gives its exports as the default export, an ES module its namespace.
  const isModule = Object.prototype.toString.call(exports) === '[object Module]'
  const at = isModule ? [] : ['default']
  if (exports === value) return { url, path: at }
  if (!exports || (typeof exports !== 'object' && typeof exports !== 'function')) return undefined
  for (const key of Object.keys(exports))
    if (readExport(exports, key) === value) return { url, path: [...at, key] }
  return undefined
}

function readExport(exports: object, key: string): unknown {
  try {
    return (exports as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

/** The CommonJS module whose exports are this very object, such as the result of `require('x')`. */
export function commonJsOf(value: object): Import | undefined {
  for (const [file, module] of Object.entries(require.cache))
    if (module?.exports === value) {
      const url = pathToFileURL(file).href
      return isEntry(url) ? undefined : { url, path: ['default'] }
    }
  return undefined
}

/** Whether Vite has rewritten the file (Vitest runs user code so). */
export const isVite = (script: Script): boolean =>
  script.source.slice(0, 2000).includes('__vite_ssr_exports__')

const tables = new WeakMap<Script, ReadonlyMap<string, ImportBinding>>()

/**
 * The local names that a file's import statements bind, or that Vite's `__vite_ssr_import_N__`
 * stand for.
 */
export function importsOf(script: Script): ReadonlyMap<string, ImportBinding> {
  let table = tables.get(script)
  if (!table) {
    table = isVite(script) ? viteImports(script.source) : moduleImports(script.source)
    tables.set(script, table)
  }
  return table
}

function moduleImports(source: string): Map<string, ImportBinding> {
  const found = new Map<string, ImportBinding>()
  let body: Syntax[]
  try {
    body = parse(source, { ecmaVersion: 'latest', sourceType: 'module' }).body as Syntax[]
  } catch {
    return found
  }
  for (const statement of body) {
    if (statement.type !== 'ImportDeclaration') continue
    const specifier: string = statement['source'].value
    for (const one of statement['specifiers'] as Syntax[]) {
      let name = '*'
      if (one.type === 'ImportSpecifier') name = one['imported'].name ?? one['imported'].value
      else if (one.type === 'ImportDefaultSpecifier') name = 'default'
      found.set(one['local'].name, { specifier, name })
    }
  }
  return found
}

function viteImports(source: string): Map<string, ImportBinding> {
  const found = new Map<string, ImportBinding>()
  const pattern = /const (__\w+_import_\d+__) = await __vite_ssr_import__\(("(?:[^"\\\n]|\\.)*")/g
  for (const [, local, quoted] of source.matchAll(pattern))
    found.set(local!, { specifier: JSON.parse(quoted!), name: '*' })
  return found
}

/** The URL of a module as Vite names it: `node:x`, a URL, `/@fs/…`, or a path below Vite's root. */
export function viteUrl(specifier: string, parent: string): string | undefined {
  if (/^(?:node|file):/.test(specifier)) return specifier
  const path = specifier.replace(/[?#].*$/, '').replace(/^\/@fs(?=\/)/, '')
  if (path.startsWith('/')) {
    for (const file of [path, join(process.cwd(), path)])
      if (existsSync(file)) return pathToFileURL(file).href
    return undefined
  }
  return resolveFrom(specifier, parent)
}

/** Whether a file rewritten by Vite exports this local name, and as what. */
export function viteExport(script: Script, local: string): string | undefined {
  const pattern =
    /__vite_ssr_exportName__\(("(?:[^"\\\n]|\\.)*"), \(\) => \{ try \{ return (\S+) \}/g
  for (const [, quoted, name] of script.source.matchAll(pattern))
    if (name === local) return JSON.parse(quoted!)
  return undefined
}
