/** Column types as the type rules see them: constructors, names in words, and the common type. */
import type { ColumnKind, ColumnType, ScalarType } from '../columnar/schema.ts'
import type { Primitive } from './expression.ts'

export const none = { nulls: false, undefineds: false } as const

const scalar = (kind: ScalarType['kind']): ScalarType => ({ kind, ...none })

export const bool = scalar('bool')
export const float64 = scalar('float64')
export const int64 = scalar('int64')
export const utf8 = scalar('utf8')
export const texts: ColumnType = { kind: 'list', item: utf8, ...none }
/** What null and undefined are by themselves. */
export const onlyNull: ScalarType = { kind: 'absent', nulls: true, undefineds: false }
export const onlyUndefined: ScalarType = { kind: 'absent', nulls: false, undefineds: true }

export const orUndefined = (type: ColumnType): ColumnType => ({ ...type, undefineds: true })
export const present = (type: ColumnType): ColumnType => ({ ...type, ...none })

export const isNullable = (type: ColumnType): boolean => type.nulls || type.undefineds

/** Whether every row is undefined. */
export const isOnlyUndefined = (type: ColumnType): boolean =>
  type.kind === 'absent' && type.undefineds && !type.nulls

/** Whether rows are text, numbers, booleans or bigints: what JavaScript compares by value. */
export const isPrimitive = (type: ColumnType): boolean =>
  /^(?:bool|float64|int64|utf8)$/.test(type.kind)

const names: Readonly<Record<ColumnKind, string>> = {
  absent: 'nothing',
  bool: 'booleans',
  float64: 'numbers',
  int64: 'bigints',
  timestamp: 'dates',
  utf8: 'text',
  list: 'lists',
  tuple: 'tuples',
  struct: 'objects',
  any: 'mixed values',
}

/** `numbers or undefined`: a type in words, for reasons. */
export function inWords(type: ColumnType): string {
  const words = type.kind === 'absent' && isNullable(type) ? [] : [names[type.kind]]
  if (type.nulls) words.push('null')
  if (type.undefineds) words.push('undefined')
  return words.join(' or ')
}

/** The type of a constant, or undefined for a bigint beyond 64 bits. */
export function typeOfConstant(value: Primitive): ColumnType | undefined {
  switch (typeof value) {
    case 'string':
      return utf8
    case 'number':
      return float64
    case 'boolean':
      return bool
    case 'bigint':
      return BigInt.asIntN(64, value) === value ? int64 : undefined
    default:
      return value === null ? onlyNull : onlyUndefined
  }
}

/**
 * The type of a column that holds values of both types, or undefined when they are of two kinds.
 */
export function join(a: ColumnType, b: ColumnType): ColumnType | undefined {
  const missing = { nulls: a.nulls || b.nulls, undefineds: a.undefineds || b.undefineds }
  if (a.kind === 'absent') return { ...b, ...missing }
  if (b.kind === 'absent') return { ...a, ...missing }
  if (a.kind === 'any' || b.kind === 'any') return undefined
  if (a.kind === 'list' && b.kind === 'list') {
    const item = join(a.item, b.item)
    return item && { kind: 'list', item, ...missing }
  }
  if (a.kind === 'tuple' && b.kind === 'tuple') {
    if (a.items.length !== b.items.length) return undefined
    const items = a.items.map((one, i) => join(one, b.items[i]!))
    return items.every(one => one !== undefined) ? { kind: 'tuple', items, ...missing } : undefined
  }
  if (a.kind === 'struct' && b.kind === 'struct') {
    if (JSON.stringify(a.shapes) !== JSON.stringify(b.shapes)) return undefined
    if (a.fields.length !== b.fields.length) return undefined
    const fields = a.fields.map(({ name, type }, i) => {
      const other = b.fields[i]!
      const both = other.name === name ? join(type, other.type) : undefined
      return both && { name, type: both }
    })
    return fields.every(one => one !== undefined)
      ? { kind: 'struct', fields, shapes: a.shapes, ...missing }
      : undefined
  }
  return a.kind === b.kind ? { ...a, ...missing } : undefined
}

/** What `typeof` gives for every row, or undefined when rows differ. */
export function typeofText(type: ColumnType): string | undefined {
  if (type.kind === 'any') return undefined
  const texts = new Set<string>()
  if (type.nulls) texts.add('object')
  if (type.undefineds) texts.add('undefined')
  if (type.kind !== 'absent') texts.add(typeofKinds[type.kind] ?? 'object')
  return texts.size === 1 ? [...texts][0] : undefined
}

const typeofKinds: Partial<Record<ColumnKind, string>> = {
  bool: 'boolean',
  float64: 'number',
  int64: 'bigint',
  utf8: 'string',
}
