/**
 * What may be in a row: plain data, that is primitives, arrays, objects without a class, and the
 * built-in types that structured clone knows. Functions, symbols and class instances are refused
 * with an error that names the place.
 */
import { types } from 'node:util'
import { PeltonError, preview } from '../errors.ts'

/** Thrown inside the package where a value is no plain data; `refusal` makes the user's error. */
export class Unfit extends Error {}

const ERROR_NAMES = new Set([
  'Error',
  'AggregateError',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
])

/** Keys that msgpackr renames, or takes for something else than data. */
const MISREAD_KEYS = new Set(['__proto__', 'constructor', 'toJSON'])

/** True for objects made by a literal, by JSON, or without a prototype, of any realm. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  // Test runners and node:vm give objects another realm's Object.prototype.
  return (
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf') &&
    prototype.constructor?.name === 'Object'
  )
}

/** True for arrays that are no instances of a subclass. */
export function isPlainArray(value: readonly unknown[]): boolean {
  const prototype = Object.getPrototypeOf(value)
  return (
    prototype === Array.prototype ||
    (Array.isArray(prototype) && prototype.constructor?.name === 'Array')
  )
}

/** The name of the built-in type that structured clone sees in an object, if any. */
function builtinName(value: object): string | undefined {
  if (types.isDate(value)) return 'Date'
  if (types.isMap(value)) return 'Map'
  if (types.isSet(value)) return 'Set'
  if (types.isRegExp(value)) return 'RegExp'
  if (ArrayBuffer.isView(value)) {
    return Buffer.isBuffer(value) ? 'Buffer' : Object.prototype.toString.call(value).slice(8, -1)
  }
  if (types.isArrayBuffer(value)) return 'ArrayBuffer'
  if (types.isBoxedPrimitive(value) && !types.isSymbolObject(value)) {
    return Object.prototype.toString.call(value).slice(8, -1)
  }
  if (types.isNativeError(value)) {
    return ERROR_NAMES.has(value.constructor?.name) ? value.constructor.name : 'Error'
  }
  return undefined
}

function classNameOf(value: object): string {
  const name = Object.getPrototypeOf(value)?.constructor?.name
  return typeof name === 'string' && name !== '' ? name : 'an anonymous class'
}

/** True for an object of a built-in type that may be in a row, and of no subclass of it. */
export function isBuiltin(value: object): boolean {
  const name = builtinName(value)
  return name !== undefined && classNameOf(value) === name
}

/**
 * Whether msgpackr gives `value` back unchanged (as structured clone would); if not, v8.serialize
 * does. Throws `Unfit` where `value` or a part of it is no plain data.
 */
export function isPackable(value: unknown): boolean {
  return surveyValue(value, new Set())
}

function surveyValue(value: unknown, seen: Set<object>): boolean {
  switch (typeof value) {
    case 'number':
      return !Object.is(value, -0)
    case 'string':
      return value.isWellFormed()
    case 'function':
    case 'symbol':
      throw new Unfit()
    case 'object':
      return value === null || surveyObject(value, seen)
  }
  return true
}

function surveyObject(value: object, seen: Set<object>): boolean {
  if (seen.has(value)) return true
  seen.add(value)
  // Every part is surveyed even when the answer is known: one may be unfit.
  if (Array.isArray(value)) return surveyArray(value, seen)
  if (isPlainObject(value)) return surveyPlain(value as Record<string, unknown>, seen)
  if (!isBuiltin(value)) throw new Unfit()
  if (value instanceof Map) {
    let packable = true
    for (const [key, item] of value) {
      if (!surveyValue(key, seen)) packable = false
      if (!surveyValue(item, seen)) packable = false
    }
    return packable
  }
  if (value instanceof Set) {
    let packable = true
    for (const item of value) if (!surveyValue(item, seen)) packable = false
    return packable
  }
  if (value instanceof Date) return true
  if (value instanceof ArrayBuffer) return !value.resizable
  if (value instanceof RegExp) return value.source.isWellFormed()
  // Errors lose their stack in msgpackr, boxed primitives their value, Float16Array is unknown.
  return ArrayBuffer.isView(value) && builtinName(value) !== 'Float16Array'
}

function surveyArray(value: readonly unknown[], seen: Set<object>): boolean {
  if (!isPlainArray(value)) throw new Unfit()
  let packable = Object.keys(value).length === value.length
  for (let i = 0; i < value.length; i++) {
    const item = value[i]
    if (item === undefined && !(i in value)) packable = false
    if (!surveyValue(item, seen)) packable = false
  }
  return packable
}

function surveyPlain(value: Record<string, unknown>, seen: Set<object>): boolean {
  let packable = true
  for (const key of Object.keys(value)) {
    if (MISREAD_KEYS.has(key) || !key.isWellFormed()) packable = false
    if (!surveyValue(value[key], seen)) packable = false
  }
  return packable
}

/**
 * The error for a row that is no plain data: code `VALUE`, with the class and the place.
 *
 * @example
 * throw refusal({ user: new User() }) // … an instance of class User at .user …
 */
export function refusal(row: unknown, cause?: unknown): PeltonError {
  const found = findUnfit(row, '', new Set())
  const at = found === undefined || found.path === '' ? '' : ` at ${found.path}`
  const part = found === undefined ? row : found.value
  let what = `a value that structured clone can't copy${at} (${preview(part)})`
  let remedy = 'Pass plain data'
  if (typeof part === 'function' || typeof part === 'symbol') {
    what = `a ${typeof part}${at} (${preview(typeof part === 'symbol' ? String(part) : part)})`
    remedy = 'Pass plain data: the result of the function, or a string'
  } else if (typeof part === 'object' && part !== null && found !== undefined) {
    what = `an instance of class ${classNameOf(part)}${at} (${preview(part)})`
    remedy =
      'Pass plain data instead: numbers, strings, Dates, arrays, Maps, Sets, ' +
      'or an object literal with the fields you need, such as { ...value }'
  }
  return new PeltonError(`A row can't hold ${what}. ${remedy}.`, { code: 'VALUE', cause })
}

interface Found {
  readonly path: string
  readonly value: unknown
}

function findUnfit(value: unknown, path: string, seen: Set<object>): Found | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') return { path, value }
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined
  seen.add(value)
  const plain = Array.isArray(value) ? isPlainArray(value) : isPlainObject(value)
  if (!plain && !isBuiltin(value)) return { path, value }
  for (const [label, part] of partsOf(value)) {
    const found = findUnfit(part, path + label, seen)
    if (found !== undefined) return found
  }
  return undefined
}

function* partsOf(value: object): Generator<[string, unknown]> {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) yield [`[${i}]`, value[i]]
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      yield ['.keys()', key]
      yield [`.get(${preview(key, 20)})`, item]
    }
  } else if (value instanceof Set) {
    for (const item of value) yield ['.values()', item]
  } else if (isPlainObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      yield [/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `.${key}` : `[${preview(key, 20)}]`, item]
    }
  }
}
