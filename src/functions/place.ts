import { findSourceMap, type SourceMapping } from 'node:module'
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Place } from '../errors.ts'

/** Pelton's own `src/` or `dist/` folder, with a separator at its end. */
const HOME = fileURLToPath(new URL('../', import.meta.url))

/** Pelton's own frames above an operator are few; this leaves room for a deep facade. */
const FRAMES_MAX = 24

/** The path of a `file:` URL; anything else as it is. */
export function filePath(file: string): string {
  if (!file.startsWith('file:')) return file
  try {
    return fileURLToPath(file)
  } catch {
    return file
  }
}

/**
 * The place of the first stack frame outside Pelton's own folder: where the user called an
 * operator. Source maps that the host has installed (Vite, `--enable-source-maps`) are applied.
 * Returns undefined when no such frame is within reach.
 *
 * @example
 * function map(f) { const place = callerPlace(); … } // place.file is the user's file
 */
export function callerPlace(): Place | undefined {
  if (Object.isFrozen(Error)) return undefined
  const installed = Error.prepareStackTrace
  const limit = Error.stackTraceLimit
  const holder: { stack?: unknown } = {}
  try {
    Error.prepareStackTrace = (_error, sites) => sites
    Error.stackTraceLimit = FRAMES_MAX
    Error.captureStackTrace(holder, callerPlace)
    // The stack is formatted when it is first read, so it is read before the hook is put back.
    void holder.stack
  } finally {
    Error.prepareStackTrace = installed
    Error.stackTraceLimit = limit
  }
  if (!Array.isArray(holder.stack)) return undefined
  for (const site of holder.stack as NodeJS.CallSite[]) {
    const file = site.getFileName()
    if (!file || file.startsWith('node:')) continue
    const path = filePath(file)
    if (isOwn(path)) continue
    return originalPlace({
      file: path,
      line: site.getLineNumber() ?? 1,
      column: site.getColumnNumber() ?? 1,
    })
  }
  return undefined
}

const isOwn = (path: string): boolean =>
  path.startsWith(HOME) || (sep === '\\' && path.toLowerCase().startsWith(HOME.toLowerCase()))

/** Node's own hook, which maps nothing unless source maps are on. */
const nodeHookName = 'ErrorPrepareStackTrace'

/** Whether `originalPlace` may know better than V8. */
export function mapsPlaces(): boolean {
  const hook: unknown = Error.prepareStackTrace
  const isForeign = typeof hook === 'function' && hook.name !== nodeHookName
  return process.sourceMapsEnabled || isForeign
}

/**
 * The place in the file the user wrote, for a place in the code that V8 runs: through Node's source
 * maps when they are on, else through whatever hook formats stack traces here (Vite's and Vitest's
 * do).
 */
export function originalPlace(place: Place): Place {
  try {
    if (process.sourceMapsEnabled) {
      const map = findSourceMap(place.file)
      const entry = map?.findEntry(place.line - 1, place.column - 1) as Partial<SourceMapping>
      if (entry?.originalSource !== undefined)
        return {
          file: filePath(entry.originalSource),
          line: entry.originalLine! + 1,
          column: entry.originalColumn! + 1,
        }
    }
    return throughHook(place)
  } catch {
    return place
  }
}

/**
 * Lets the installed hook format one made-up frame and reads the mapped place back from the text.
 */
function throughHook(place: Place): Place {
  const hook = Error.prepareStackTrace
  if (typeof hook !== 'function') return place
  const text = hook(new Error(), [new Frame(place) as unknown as NodeJS.CallSite])
  const match =
    typeof text === 'string' ? /\(?([^()\s][^()\n]*):(\d+):(\d+)\)?\s*$/.exec(text) : null
  if (!match) return place
  const file = filePath(match[1]!.replace(/^at /, ''))
  return { file, line: Number(match[2]), column: Number(match[3]) }
}

/** A call site that knows only its position. */
class Frame {
  readonly #place: Place
  constructor(place: Place) {
    this.#place = place
  }
  getFileName(): string {
    return this.#place.file
  }
  getScriptNameOrSourceURL(): string {
    return this.#place.file
  }
  getLineNumber(): number {
    return this.#place.line
  }
  getColumnNumber(): number {
    return this.#place.column
  }
  getFunctionName(): string | null {
    return null
  }
  getTypeName(): string | null {
    return null
  }
  getMethodName(): string | null {
    return null
  }
  getThis(): undefined {
    return undefined
  }
  getFunction(): undefined {
    return undefined
  }
  getEvalOrigin(): undefined {
    return undefined
  }
  getPromiseIndex(): null {
    return null
  }
  getScriptHash(): string {
    return ''
  }
  getEnclosingLineNumber(): number {
    return this.#place.line
  }
  getEnclosingColumnNumber(): number {
    return this.#place.column
  }
  getPosition(): number {
    return 0
  }
  isNative(): boolean {
    return false
  }
  isToplevel(): boolean {
    return true
  }
  isEval(): boolean {
    return false
  }
  isConstructor(): boolean {
    return false
  }
  isAsync(): boolean {
    return false
  }
  isPromiseAll(): boolean {
    return false
  }
  toString(): string {
    return `${this.#place.file}:${this.#place.line}:${this.#place.column}`
  }
}
