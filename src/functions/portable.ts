/**
 * The form in which a function crosses to a worker: plain data, a graph of numbered nodes. Nothing
 * here imports the parser or the inspector, so workers load only what they need.
 */

/** Index of a node in `PortableFunction.nodes`. */
export type NodeId = number

/** One property: its key, its value's node, and whether it is enumerable. */
export type Entry = readonly [key: string, value: NodeId, enumerable: boolean]

export interface PortableCode {
  /** An expression whose value is the function, or a factory of it. */
  readonly expression: string
  readonly sloppy: boolean
  readonly name: string
  /** File URL or path for stack traces; empty when unknown. */
  readonly file: string
  /** Line and column of `anchor`, from 0. */
  readonly line: number
  readonly column: number
  /** Index in `expression` of the character that stood at that line and column. */
  readonly anchor: number
}

export type PortableNode =
  | { readonly type: 'data'; readonly value: unknown }
  | {
      readonly type: 'function'
      readonly code: PortableCode
      readonly names: readonly string[]
      readonly values: readonly NodeId[]
    }
  /** A module's export; an empty path is the namespace itself. */
  | { readonly type: 'import'; readonly url: string; readonly path: readonly string[] }
  | { readonly type: 'global'; readonly path: readonly string[] }
  | { readonly type: 'object'; readonly nullPrototype: boolean; readonly entries: readonly Entry[] }
  | { readonly type: 'array'; readonly length: number; readonly entries: readonly Entry[] }
  | { readonly type: 'map'; readonly entries: readonly (readonly [NodeId, NodeId])[] }
  | { readonly type: 'set'; readonly items: readonly NodeId[] }
  | { readonly type: 'buffer'; readonly bytes: Uint8Array }
  | { readonly type: 'error'; readonly class: string; readonly entries: readonly Entry[] }
  | { readonly type: 'broadcast'; readonly id: number }
  | {
      readonly type: 'accumulator'
      readonly id: number
      readonly zero: NodeId | undefined
      readonly add: NodeId | undefined
    }
  | {
      readonly type: 'resource'
      readonly id: number
      readonly open: NodeId
      readonly close: NodeId | undefined
    }
  /**
   * `esbuild`'s `__name`, or an `import()` or `require()` that resolves against the user's file.
   */
  | {
      readonly type: 'helper'
      readonly name: 'name' | 'import' | 'require'
      readonly file: string
    }

/** A value, usually a function, that `v8.serialize` and `structuredClone` accept. */
export interface PortableFunction {
  readonly root: NodeId
  readonly nodes: readonly PortableNode[]
  /** Ids of what the function refers to and the host must provide. */
  readonly shared: {
    readonly broadcasts: readonly number[]
    readonly accumulators: readonly number[]
    readonly resources: readonly number[]
  }
}

/** The error classes that travel; others are class instances. */
export const errorClasses: ReadonlySet<string> = new Set([
  'Error',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
  'AggregateError',
])
