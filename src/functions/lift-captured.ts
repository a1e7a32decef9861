/**
 * What a function captured, as the lifter and the purity check see it: the nodes of its portable
 * form, followed by property paths without running any code of the user's.
 */
import { types } from 'node:util'
import { type Analysis, analyseSource } from './analysis.ts'
import type { NodeId, PortableCode, PortableFunction, PortableNode } from './portable.ts'

/** A function that travels by source. */
export interface CapturedFunction {
  readonly is: 'function'
  /** Tells functions apart, so that recursion is noticed. */
  readonly id: NodeId
  readonly code: PortableCode
  readonly analysis: Analysis
  /** What a free name stands for; undefined for names that every worker has. */
  readonly captured: (name: string) => Captured | undefined
}

export type Captured =
  | { readonly is: 'data'; readonly value: unknown }
  | CapturedFunction
  /** A function or object that every thread has, such as `Math.max`. */
  | { readonly is: 'global'; readonly path: string }
  /** An object or array whose parts are known one by one; `plain` when they are all data. */
  | {
      readonly is: 'holder'
      readonly plain: boolean
      /** The data within, as far as it is plain. */
      readonly values: readonly unknown[]
      readonly property: (key: string) => Captured | undefined
    }
  /** esbuild's `__name(fn, text)`, which returns the function. */
  | { readonly is: 'naming' }
  /** What is not known here; `what` says what it is, as in "a broadcast". */
  | { readonly is: 'unknown'; readonly what: string }

/** The values of broadcasts, where they are known, as `portableValue` makes them. */
export type Broadcasts = (id: number) => PortableFunction | undefined

/** The function at the root of a portable form, or what stands there instead. */
export function capturedRoot(portable: PortableFunction, broadcasts?: Broadcasts): Captured {
  return view({ ...portable, broadcasts }, portable.root)
}

/** A portable form with what is known of its broadcasts. */
interface Source extends PortableFunction {
  readonly broadcasts: Broadcasts | undefined
}

/**
 * The portable form of a function given by its source and the values of its free names, for callers
 * that know both. Captured functions must have no free names of their own but those of every
 * thread.
 *
 * @example
 * portableSource('x => x * factor', { factor: 3 })
 */
export function portableSource(
  source: string,
  captured: Readonly<Record<string, unknown>> = {},
): PortableFunction {
  const nodes: PortableNode[] = []
  const add = (node: PortableNode): NodeId => nodes.push(node) - 1
  const functionNode = (text: string, values: Readonly<Record<string, unknown>>): NodeId => {
    const { expression, expressionAnchor: anchor, sloppy } = analyseSource(text)
    const code = { expression, sloppy, name: '', file: '', line: 0, column: 0, anchor }
    const ids = Object.values(values).map(value =>
      typeof value === 'function'
        ? functionNode(Function.prototype.toString.call(value), {})
        : add({ type: 'data', value }),
    )
    return add({ type: 'function', code, names: Object.keys(values), values: ids })
  }
  const root = functionNode(source, captured)
  return { root, nodes, shared: { broadcasts: [], accumulators: [], resources: [] } }
}

/** One step along a property path; undefined when there is no such property of its own. */
export function propertyOf(of: Captured, key: string): Captured | undefined {
  if (of.is === 'holder') return of.property(key)
  if (of.is === 'global') return { is: 'global', path: `${of.path}.${key}` }
  if (of.is !== 'data' || of.value === null || of.value === undefined) return undefined
  const found = Object.getOwnPropertyDescriptor(Object(of.value), key)
  return found && 'value' in found ? { is: 'data', value: found.value } : undefined
}

/** The line in its file (from 1) of an index in the source of a function. */
export function lineOf({ code, analysis }: CapturedFunction, offset: number): number {
  const { source, sourceAnchor } = analysis
  const between = source.slice(Math.min(offset, sourceAnchor), Math.max(offset, sourceAnchor))
  const lines = between.split('\n').length - 1
  return code.line + 1 + (offset < sourceAnchor ? -lines : lines)
}

function view(source: Source, id: NodeId): Captured {
  const node = source.nodes[id]!
  switch (node.type) {
    case 'data':
      return { is: 'data', value: node.value }
    case 'function':
      return {
        is: 'function',
        id,
        code: node.code,
        analysis: analyseSource(sourceOf(node.code)),
        captured: name => {
          const at = node.names.indexOf(name)
          return at < 0 ? undefined : view(source, node.values[at]!)
        },
      }
    case 'global':
      return { is: 'global', path: node.path.join('.') }
    case 'import':
      return { is: 'unknown', what: 'imported from a module' }
    case 'object':
    case 'array':
      return holder(source, id, key => {
        const entry = node.entries.find(([name]) => name === key)
        return entry && view(source, entry[1])
      })
    case 'map':
    case 'set':
    case 'buffer':
    case 'error':
      return holder(source, id, () => undefined)
    case 'helper':
      return node.name === 'name' ? { is: 'naming' } : { is: 'unknown', what: 'a module loader' }
    case 'broadcast': {
      const known = source.broadcasts?.(node.id)
      if (!known) return { is: 'unknown', what: 'a broadcast' }
      const property = (key: string): Captured | undefined =>
        key === 'value' ? capturedRoot(known, source.broadcasts) : undefined
      return { is: 'holder', plain: false, values: [], property }
    }
    case 'accumulator':
      return { is: 'unknown', what: 'an accumulator' }
    case 'resource':
      return { is: 'unknown', what: 'a resource' }
  }
}

function holder(
  source: Source,
  id: NodeId,
  property: (key: string) => Captured | undefined,
): Captured {
  const values: unknown[] = []
  return { is: 'holder', plain: isPlain(source, id, new Set(), values), values, property }
}

/** A method has become a method `f` of an object literal; see `rewrite` in syntax.ts. */
function sourceOf({ expression }: PortableCode): string {
  return expression.startsWith('({') && expression.endsWith('}).f')
    ? expression.slice(2, -4)
    : expression.slice(1, -1)
}

/** Whether a node is data all the way down, which goes into `values`: no functions or handles. */
function isPlain(source: Source, id: NodeId, seen: Set<NodeId>, values: unknown[]): boolean {
  if (seen.has(id)) return true
  seen.add(id)
  const node = source.nodes[id]!
  const all = (ids: readonly NodeId[]): boolean =>
    ids.every(one => isPlain(source, one, seen, values))
  switch (node.type) {
    case 'data':
      values.push(node.value)
      return true
    case 'buffer':
      return true
    case 'object':
    case 'array':
    case 'error':
      return all(node.entries.map(([, value]) => value))
    case 'map':
      return all(node.entries.flat())
    case 'set':
      return all(node.items)
    default:
      return false
  }
}

/** Whether captured data holds a regular expression that remembers where it stopped. */
export function hasStatefulRegex(root: unknown): boolean {
  const seen = new Set<object>()
  const todo: unknown[] = [root]
  while (todo.length > 0) {
    const value = todo.pop()
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    if (types.isRegExp(value)) {
      if (/[gy]/.test(value.flags)) return true
    } else if (types.isMap(value)) for (const [key, one] of value) todo.push(key, one)
    else if (types.isSet(value)) for (const one of value) todo.push(one)
    else if (!ArrayBuffer.isView(value)) for (const one of Object.values(value)) todo.push(one)
  }
  return false
}
