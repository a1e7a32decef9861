/**
 * Gear 2's check: whether a function may be called once for all rows with equal arguments. It may
 * when its result depends on its arguments alone and nobody can tell how often it was called. What
 * is not on the whitelist is refused. That the result is no object is checked when it is there;
 * arrays made anew each time may be, as their items go into columns of their own.
 *
 * Trusted without a check: built-in prototypes are as Node ships them, and the time zone and locale
 * of the process stay. A regular expression also sets `RegExp.$1` and its like, which this check
 * keeps a function from reading, but not the functions of other gears.
 */
import {
  type Broadcasts,
  type Captured,
  capturedRoot,
  hasStatefulRegex,
  lineOf,
  portableSource,
} from './lift-captured.ts'
import type { PortableFunction } from './portable.ts'
import { Check, Impure, type Shared, whyNotGlobal } from './purity-check.ts'
import { pureFunctions } from './purity-known.ts'
import { purityReasons as reasons } from './purity-reasons.ts'

export type Purity =
  | {
      readonly pure: true
      /** It returns arrays of that many items, made anew each time; undefined: anything else. */
      readonly items?: number
    }
  | {
      readonly pure: false
      /** In words that follow "the function". */
      readonly reason: string
      /** Line in the function's file, from 1. */
      readonly line?: number
    }

export interface PurityOptions {
  /** How many arguments the operator passes; default 1. */
  readonly arity?: number
  /** The values of broadcasts by id, as `portableValue` makes them, where they are known. */
  readonly broadcasts?: Broadcasts
}

/**
 * Whether a function, with the helpers it captured, is known to be pure; if not, the first reason
 * found. Never throws.
 *
 * @example
 * const answer = isPure(portable(handle))
 * if (!answer.pure) explain(answer.reason)
 */
export function isPure(fn: PortableFunction, options: PurityOptions = {}): Purity {
  const root = capturedRoot(fn, options.broadcasts)
  try {
    const items = checkRoot(root, options.arity ?? 1)
    return items === undefined ? { pure: true } : { pure: true, items }
  } catch (error) {
    if (!(error instanceof Impure)) throw error
    const { reason, line } = error
    return line === undefined ? { pure: false, reason } : { pure: false, reason, line }
  }
}

/**
 * The same for a function given by its source and the values of its free names.
 *
 * @example
 * isPureSource('w => !stop.has(w)', { stop: new Set() })
 */
export function isPureSource(
  source: string,
  captured: Readonly<Record<string, unknown>> = {},
  options: PurityOptions = {},
): Purity {
  return isPure(portableSource(source, captured), options)
}

function checkRoot(root: Captured, arity: number): number | undefined {
  if (root.is === 'global') {
    const reason = pureFunctions.has(root.path) ? undefined : whyNotGlobal(root.path, true)
    if (reason) throw new Impure(reason)
    return undefined
  }
  if (root.is === 'unknown') throw new Impure(reasons.notSource(root.what))
  if (root.is !== 'function') throw new Impure(reasons.notFunction())
  const shared: Shared = { seen: new Set(), data: new Set(), usesRegexMethods: false }
  const check = new Check(root, shared)
  const items = check.signature(arity)
  check.run()
  // Only methods like these move a captured expression with the flag g or y on.
  if (shared.usesRegexMethods && [...shared.data].some(hasStatefulRegex))
    throw new Impure(reasons.regexData(), lineOf(root, 0))
  return items
}
