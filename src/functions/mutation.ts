/**
 * Finds where a function changes something through a name it captured. What looks like a change by
 * its method's name (`stop.add(x)`) is settled later by the value: a Set's `add` changes it, an
 * accumulator's is how one counts.
 */
import { types } from 'node:util'
import type { Syntax } from './syntax.ts'

/**
 * One step from a captured name to the thing changed: a property, or some element of a collection.
 */
export type Step = string | typeof ELEMENT

export const ELEMENT: unique symbol = Symbol('element')

export interface Mutation {
  /** The captured name. */
  readonly root: string
  readonly steps: readonly Step[]
  /** The method called, or undefined when the code writes, deletes or defines a property. */
  readonly method: string | undefined
  /** For messages, such as `.add()` or `assignment`. */
  readonly how: string
  /** Index in the function's source. */
  readonly offset: number
}

const arrayMethods = new Set(
  'push pop shift unshift splice sort reverse fill copyWithin'.split(' '),
)
const mapMethods = new Set('set delete clear getOrInsert getOrInsertComputed'.split(' '))
const setMethods = new Set('add delete clear'.split(' '))
const viewMethods = /^(?:set|fill|sort|reverse|copyWithin|swap\d+|write\w*|set[A-Z]\w*)$/
const dateMethods = /^set[A-Z]/

/** `Object.assign(target, …)` and its kind change their first argument. */
const targetChanging: Record<string, ReadonlySet<string>> = {
  Object: new Set(['assign', 'defineProperty', 'defineProperties', 'setPrototypeOf']),
  Reflect: new Set(['set', 'defineProperty', 'deleteProperty', 'setPrototypeOf']),
}

const mayChange = (method: string): boolean =>
  arrayMethods.has(method) ||
  mapMethods.has(method) ||
  setMethods.has(method) ||
  viewMethods.test(method)

/**
 * The changes that this very node makes through a free name (its children are asked on their own).
 */
export function mutationsAt(
  node: Syntax,
  free: ReadonlySet<Syntax>,
  base: number,
): readonly Mutation[] {
  const found: Mutation[] = []
  const add = (target: Syntax, how: string, method?: string): void => {
    const chain = chainOf(target, free)
    if (chain) found.push({ ...chain, how, method, offset: node.start - base })
  }
  switch (node.type) {
    case 'AssignmentExpression':
      for (const target of targets(node['left'])) add(target, 'assignment')
      break
    case 'ForInStatement':
    case 'ForOfStatement':
      for (const target of targets(node['left'])) add(target, 'assignment')
      break
    case 'UpdateExpression':
      for (const target of targets(node['argument'])) add(target, `'${node['operator']}'`)
      break
    case 'UnaryExpression':
      if (node['operator'] === 'delete')
        for (const target of targets(strip(node['argument']))) add(target, "'delete'")
      break
    case 'CallExpression':
      callMutations(node, free, add)
      break
  }
  return found
}

function callMutations(
  node: Syntax,
  free: ReadonlySet<Syntax>,
  add: (target: Syntax, how: string, method?: string) => void,
): void {
  const callee = strip(node['callee'])
  if (callee.type !== 'MemberExpression') return
  const method = keyOf(callee)
  if (typeof method !== 'string') return
  const object = strip(callee['object'])
  const first = node['arguments'][0]
  if (object.type === 'Identifier' && free.has(object) && first) {
    if (targetChanging[object['name']]?.has(method)) {
      // The target itself is changed, as by writing some property of it.
      add(member(first), `${object['name']}.${method}()`)
      return
    }
  }
  if (mayChange(method)) add(callee['object'], `.${method}()`, method)
}

/**
 * A made-up access of some property, so that `Object.assign(x, …)` reads like a write to `x[…]`.
 */
const member = (object: Syntax): Syntax =>
  ({
    type: 'MemberExpression',
    object,
    computed: true,
    property: { type: 'Identifier' },
    start: object.start,
    end: object.end,
  }) as unknown as Syntax

/**
 * The member expressions that a target of assignment writes to; plain identifiers are left to
 * scopes.
 */
function targets(node: Syntax | null): Syntax[] {
  if (!node) return []
  switch (node.type) {
    case 'MemberExpression':
      return [node]
    case 'ArrayPattern':
      return node['elements'].flatMap(targets)
    case 'ObjectPattern':
      return node['properties'].flatMap((p: Syntax) => targets(p['value'] ?? p['argument']))
    case 'AssignmentPattern':
      return targets(node['left'])
    case 'RestElement':
      return targets(node['argument'])
    default:
      return []
  }
}

function strip(node: Syntax): Syntax {
  for (;;)
    if (node.type === 'ChainExpression' || node.type === 'ParenthesizedExpression')
      node = node['expression']
    else if (node.type === 'SequenceExpression') node = node['expressions'].at(-1)
    else return node
}

function keyOf(node: Syntax): Step {
  const property = node['property']
  if (!node['computed']) return property.name ?? ELEMENT
  return property.type === 'Literal' ? String(property.value) : ELEMENT
}

/** The free name at the root of `a.b[c].get(d)` and the steps from it, or undefined. */
function chainOf(
  node: Syntax,
  free: ReadonlySet<Syntax>,
): { root: string; steps: Step[] } | undefined {
  const steps: Step[] = []
  for (;;) {
    node = strip(node)
    if (node.type === 'Identifier')
      return free.has(node) ? { root: node['name'], steps: steps.reverse() } : undefined
    if (node.type === 'MemberExpression') {
      steps.push(keyOf(node))
      node = node['object']
    } else if (node.type === 'CallExpression') {
      const callee = strip(node['callee'])
      if (callee.type !== 'MemberExpression' || !/^(?:get|at)$/.test(String(keyOf(callee))))
        return undefined
      steps.push(ELEMENT)
      node = callee['object']
    } else return undefined
  }
}

/** Reads one step of a value without running any code of the user's. */
export type Look = (value: unknown, step: Step) => readonly unknown[]

/**
 * Whether the change happens to plain data that was captured. `look` follows one step; an empty
 * answer means that the value is not there (yet) or is none of our business.
 */
export function changesData(mutation: Mutation, root: unknown, look: Look): boolean {
  const steps = mutation.method === undefined ? mutation.steps.slice(0, -1) : mutation.steps
  let values: readonly unknown[] = [root]
  for (const step of steps) {
    values = values.flatMap(value => look(value, step))
    if (values.length === 0) return false
  }
  return values.some(value =>
    mutation.method === undefined
      ? (typeof value === 'object' && value !== null) || typeof value === 'function'
      : methodChanges(value, mutation.method),
  )
}

function methodChanges(value: unknown, method: string): boolean {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false
  if (Object.hasOwn(value, method)) return false
  if (Array.isArray(value)) return arrayMethods.has(method)
  if (types.isMap(value) || types.isWeakMap(value)) return mapMethods.has(method)
  if (types.isSet(value) || types.isWeakSet(value)) return setMethods.has(method)
  if (ArrayBuffer.isView(value)) return viewMethods.test(method)
  return types.isDate(value) && dateMethods.test(method)
}
