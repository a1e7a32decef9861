/**
 * Node's `fs/promises` with a look at every operation, which may fail or be the last one: the code
 * under test uses the real thing, and knows nothing of it.
 */
import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const functions = [
  'access',
  'link',
  'lstat',
  'mkdir',
  'open',
  'readdir',
  'readFile',
  'rename',
  'rm',
  'stat',
  'unlink',
] as const
const methods = ['read', 'sync', 'writeFile', 'writev'] as const

/** Called before an operation, which waits for it, with what it is and its path, where known. */
export type Watch = (operation: string, path: string) => void | Promise<void>

type Callable = Record<string, (...args: any[]) => Promise<unknown>>

let watch: Watch | undefined
let isPatched = false
const paths = new WeakMap<object, string>()
/** Those that were opened while they were watched. */
const handles = new Set<FileHandle>()

/** Has all operations watched until `unwatchFiles`. */
export async function watchFiles(by: Watch): Promise<void> {
  if (!isPatched) await patch()
  watch = by
}

/** Ends it, and closes what those have left open whose operations never ended. */
export async function unwatchFiles(): Promise<void> {
  watch = undefined
  for (const handle of handles) await handle.close().catch(() => undefined)
  handles.clear()
}

async function patch(): Promise<void> {
  isPatched = true
  const handle: FileHandle = await fs.open('/', 'r')
  const prototype = Object.getPrototypeOf(handle) as Callable
  await handle.close()
  for (const name of methods) {
    const real = prototype[name]!
    prototype[name] = async function (this: object, ...args: unknown[]) {
      await watch?.(name, paths.get(this) ?? '')
      return await real.apply(this, args)
    }
  }
  const exported = fs as unknown as Callable
  for (const name of functions) {
    const real = exported[name]!
    exported[name] = async (...args: unknown[]) => {
      await watch?.(name, String(args[name === 'rename' || name === 'link' ? 1 : 0]))
      const result = await real(...args)
      if (name === 'open') paths.set(result as object, String(args[0]))
      if (name === 'open' && watch) handles.add(result as FileHandle)
      return result
    }
  }
  syncBuiltinESMExports()
}
