/** What kind of object a captured value is, and which kinds can't travel. */
import { EventEmitter } from 'node:events'
import { types } from 'node:util'
import { errorClasses } from './portable.ts'
import { type Refusal, refusals } from './refusal.ts'
import { Accumulator, Broadcast, Resource } from './shared.ts'

export type Kind =
  | 'array'
  | 'object'
  | 'null object'
  | 'map'
  | 'set'
  /** Copied whole by structured clone: dates, regular expressions, buffers, typed arrays. */
  | 'leaf'
  | 'buffer'
  | 'error'
  | 'namespace'
  | 'shared'

/** Says why a value can't travel, once its path is known. */
export type Refuse = (path: string) => Refusal

/** The kind of an object, or why it can't travel. Runs no code of the user's. */
export function kindOf(value: object): Kind | Refuse {
  if (types.isProxy(value)) return refusals.proxy
  if (value instanceof Broadcast || value instanceof Accumulator || value instanceof Resource)
    return 'shared'
  if (types.isModuleNamespaceObject(value)) return 'namespace'
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === null) return 'null object'
  if (isObjectPrototype(prototype)) return 'object'
  const name = className(prototype)
  const exact = isBuiltinPrototype(prototype, name)
  if (Array.isArray(value) && exact) return 'array'
  if (types.isMap(value) && exact) return extraProperty(value, 'Map') ?? 'map'
  if (types.isSet(value) && exact) return extraProperty(value, 'Set') ?? 'set'
  if (types.isDate(value) && exact) return extraProperty(value, 'Date') ?? 'leaf'
  if (types.isRegExp(value) && exact) return extraProperty(value, 'RegExp') ?? 'leaf'
  if (types.isSharedArrayBuffer(value)) return refusals.sharedMemory
  if (types.isArrayBuffer(value) && exact) return value.detached ? refuseDetached : 'leaf'
  if (ArrayBuffer.isView(value)) {
    if (types.isSharedArrayBuffer(value.buffer)) return refusals.sharedMemory
    if ((value.buffer as ArrayBuffer).detached) return refuseDetached
    if (Buffer.isBuffer(value)) return 'buffer'
    if (exact) return 'leaf'
  }
  if (types.isNativeError(value) && exact && errorClasses.has(name)) return 'error'
  return refuseInstance(value, name)
}

const refuseDetached: Refuse = path => refusals.uncloneable(path, 'its memory was transferred away')

function refuseInstance(value: object, name: string): Refuse {
  if (types.isPromise(value)) return refusals.promise
  if (types.isWeakMap(value) || types.isWeakSet(value) || value instanceof WeakRef)
    return path => refusals.weak(path, name)
  if (value instanceof URL) return refusals.url
  if (
    value instanceof EventEmitter ||
    /(?:Socket|Server|Stream|Handle|Port|Worker|Timeout|Immediate)$/.test(name)
  )
    return path => refusals.handle(path, name)
  return path => refusals.instance(path, name)
}

/** `Object.prototype` of this or another realm. */
const isObjectPrototype = (prototype: object): boolean =>
  prototype === Object.prototype ||
  (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, '__lookupGetter__'))

/** The name of the class a prototype belongs to; never runs a getter. */
function className(prototype: object): string {
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof maker !== 'function') return 'unknown'
  const name: unknown = Object.getOwnPropertyDescriptor(maker, 'name')?.value
  return typeof name === 'string' && name !== '' ? name : '(anonymous)'
}

/** Whether a prototype is that of the built-in class itself (of any realm), not of a subclass. */
function isBuiltinPrototype(prototype: object, name: string): boolean {
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof maker !== 'function' || maker.prototype !== prototype) return false
  return (globalThis as Record<string, unknown>)[name] === maker || isNative(maker)
}

/** Whether a function has no JavaScript source. */
export const isNative = (fn: Function): boolean =>
  /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(fn))

/** Structured clone would drop properties set on a Map, Set, Date or RegExp without a word. */
function extraProperty(value: object, kind: string): Refuse | undefined {
  const extra = Reflect.ownKeys(value).find(key => key !== 'lastIndex')
  return extra === undefined
    ? undefined
    : path => refusals.ownProperty(`${path}${step(extra)}`, kind)
}

/** `.name`, `[3]` or `["a b"]`: how a property reads in a path. */
export function step(key: PropertyKey): string {
  if (typeof key === 'symbol') return `[${String(key)}]`
  if (typeof key === 'number' || /^(?:0|[1-9]\d*)$/.test(key)) return `[${key}]`
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

/** `.get("key")`, the path of a Map's value. */
export function getStep(key: unknown): string {
  if (typeof key === 'string') return `.get(${JSON.stringify(key.slice(0, 40))})`
  return typeof key === 'object' || typeof key === 'function' || typeof key === 'symbol'
    ? '.get(…)'
    : `.get(${String(key)})`
}
