/** One function to be sent by source: what it sees, and where each part of it stands. */
import { fileURLToPath } from 'node:url'
import type { Place } from '../errors.ts'
import type { Analysis } from './analysis.ts'
import { type Located, locate, type Script, scriptOf } from './inspector.ts'
import { isVite } from './modules.ts'
import { mapsPlaces, originalPlace } from './place.ts'
import { givenValues } from './using.ts'

/** A function about to be sent by source, with where it stands and what it can see. */
export interface Subject {
  readonly fn: Function
  readonly analysis: Analysis
  readonly located: Located | undefined
  readonly script: Script | undefined
  readonly given: object | undefined
}

/** What a free name stands for. */
export type Binding =
  | { readonly found: 'value'; readonly value: unknown; readonly inModule: boolean }
  | { readonly found: 'uninitialised' }
  | { readonly found: 'nothing' }

export function subjectOf(fn: Function, analysis: Analysis): Subject {
  const located = locate(fn)
  return {
    fn,
    analysis,
    located,
    given: givenValues(fn),
    // Looked up when asked for: the first look at a script costs milliseconds.
    get script() {
      return located && scriptOf(located.scriptId)
    },
  }
}

/** What a free name of the function stands for, innermost scope first. */
export function bind({ located, given }: Subject, name: string): Binding {
  if (given && Object.hasOwn(given, name))
    return { found: 'value', value: (given as Record<string, unknown>)[name], inModule: false }
  for (const { kind, variables } of located?.scopes ?? []) {
    if (!Object.hasOwn(variables, name)) continue
    try {
      return { found: 'value', value: variables[name], inModule: kind === 'Module' }
    } catch {
      // What V8 answers for a variable whose declaration has not run.
      return { found: 'uninitialised' }
    }
  }
  if (name in globalThis) {
    const value: unknown = Reflect.get(globalThis, name)
    return { found: 'value', value, inModule: false }
  }
  return { found: 'nothing' }
}

export function safeRead(object: object, key: string): unknown {
  try {
    return (object as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

/** Line and column, from 0, of the function's anchor in the file the user wrote. */
export function anchorPlace({ located, script }: Subject): {
  file: string
  line: number
  column: number
} {
  if (!located) return { file: '', line: 0, column: 0 }
  const { line, column } = located
  const file = script?.url ?? ''
  if (!script || !file.startsWith('file:') || !mapsPlaces() || !isVite(script)) {
    return { file, line, column }
  }
  const place = originalPlace({ file: fileURLToPath(file), line: line + 1, column: column + 1 })
  return { file, line: place.line - 1, column: place.column - 1 }
}

/** The place, from 1, of an index in a function's source. */
export function placeAt({ analysis, located, script }: Subject, offset: number): Place | undefined {
  if (!located || !script?.url) return undefined
  const { source, sourceAnchor } = analysis
  const from = Math.min(offset, sourceAnchor)
  const to = Math.max(offset, sourceAnchor)
  const lines = source.slice(from, to).split('\n').length - 1
  const line = located.line + (offset < sourceAnchor ? -lines : lines)
  // On the anchor's own line columns count from the anchor, elsewhere from the start of the line.
  const column =
    lines === 0
      ? located.column + offset - sourceAnchor
      : offset - source.lastIndexOf('\n', offset - 1) - 1
  const file = script.url.startsWith('file:') ? fileURLToPath(script.url) : script.url
  return originalPlace({ file, line: line + 1, column: Math.max(column, 0) + 1 })
}
