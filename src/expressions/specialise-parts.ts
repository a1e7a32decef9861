/** Static types of parts of values: items, fields, and the results of methods. */
import type { ColumnType } from '../columnar/schema.ts'
import type { Expression } from './expression.ts'
import { constant } from './expression.ts'
import { type ArgumentKind, patternCalls, type Signature } from './methods.ts'
import { typeReasons as reasons } from './type-reasons.ts'
import {
  bool,
  float64,
  isNullable,
  isOnlyUndefined,
  isPrimitive,
  onlyUndefined,
  orUndefined,
  texts,
  utf8,
} from './types.ts'

export interface Specialised {
  /** Means the same for rows of these types, without the branches that such rows never take. */
  readonly expression: Expression
  readonly type: ColumnType
  /** Set for lists that have at least one item in every row. */
  readonly notEmpty?: boolean
}

/** Thrown within `specialise` where an expression has no type. */
export class NoType {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

export function refuse(reason: string): never {
  throw new NoType(reason)
}

export const undefinedValue: Specialised = { expression: constant(undefined), type: onlyUndefined }

/** The type at a place of a tuple, list or text. */
export function itemOf(of: Specialised, index: number): Specialised | undefined {
  const expression: Expression = { kind: 'item', of: of.expression, index, access: 'index' }
  if (of.type.kind === 'utf8') return { expression, type: orUndefined(utf8) }
  if (of.type.kind === 'list') {
    const isThere = of.notEmpty && index === 0
    return { expression, type: isThere ? of.type.item : orUndefined(of.type.item) }
  }
  if (of.type.kind !== 'tuple') return undefined
  const type = of.type.items[index]
  if (!type || isOnlyUndefined(type)) return undefinedValue
  return {
    type,
    expression: of.expression.kind === 'tuple' ? of.expression.items[index]! : expression,
  }
}

/** Text split by a separator that is not empty has a first part, be it ''. */
export function isNeverEmpty(list: Expression): boolean {
  if (list.kind === 'call' && patternCalls.has(list.method)) return true
  if (list.kind !== 'call' || list.method !== 'split' || list.args.length !== 1) return false
  const [by] = list.args
  return by!.kind === 'constant' && by.value !== ''
}

/** `tuple.at(-1)`: which item it is has to be known. */
export function tupleAt(of: Specialised, [at]: readonly Specialised[]): Specialised {
  const index = at?.expression
  if (at === undefined || index?.kind !== 'constant' || typeof index.value !== 'number')
    refuse(reasons.dynamicItem())
  const size = (of.type as Extract<ColumnType, { kind: 'tuple' }>).items.length
  const place = Math.trunc(index.value) || 0
  const found = place < 0 ? size + place : place
  return found < 0 || found >= size ? undefinedValue : itemOf(of, found)!
}

/** The type of a property; `made` is the expression that reads it. */
export function fieldOf(of: Specialised, name: string, made: Expression): Specialised {
  const { type } = of
  if (name === 'length' && /^(?:utf8|list|tuple)$/.test(type.kind))
    return { expression: made, type: float64 }
  if (name in Object.prototype) refuse(reasons.inherited(name))
  if (type.kind !== 'struct') refuse(reasons.wrongKind(`the property ${name}`, type))
  const index = type.fields.findIndex(one => one.name === name)
  if (index < 0) return undefinedValue
  const found = type.fields[index]!.type
  const always = type.shapes.every(shape => shape.includes(index))
  const full = always ? found : orUndefined(found)
  if (of.expression.kind === 'struct') {
    const value = of.expression.fields.find(one => one.name === name)!
    return { expression: value.value, type: full }
  }
  return isOnlyUndefined(full) ? undefinedValue : { expression: made, type: full }
}

/** Whether an argument has the type that a signature asks for. */
export function fits(kind: ArgumentKind, type: ColumnType, receiver: ColumnType): boolean {
  if (kind !== 'item') return type.kind === kind
  const item = receiver.kind === 'list' ? receiver.item : receiver
  return item.kind === type.kind && isPrimitive(item) && !isNullable(item)
}

/** The type that a call with this signature returns. */
export function resultOf({ result }: Signature, receiver: ColumnType, method: string): ColumnType {
  switch (result) {
    case 'utf8~':
      return orUndefined(utf8)
    case 'float64~':
      return orUndefined(float64)
    case 'item~':
      return orUndefined((receiver as { item: ColumnType }).item)
    case 'same':
      return receiver
    case 'texts':
      return texts
    default: {
      const item = receiver.kind === 'list' ? receiver.item : utf8
      if (method === 'join' && (item.kind !== 'utf8' || isNullable(item)))
        refuse(reasons.argument(method, item))
      return { utf8, float64, bool }[result]
    }
  }
}
