/** Why an expression has no static type, in words. Each has a test. */
import type { ColumnType } from '../columnar/schema.ts'
import { inWords } from './types.ts'

export const typeReasons = {
  unknownValues: (what: string) => `${what} holds mixed values, whose types are not known`,
  noValues: (what: string) => `${what} has held no value yet`,
  bigConstant: (value: bigint) => `the bigint ${value} does not fit in 64 bits`,
  nullable: (what: string, type: ColumnType) => `${what} may be ${missing(type)}`,
  mixed: (what: string, a: ColumnType, b: ColumnType) =>
    `${what} mixes ${inWords(a)} and ${inWords(b)}`,
  wrongKind: (what: string, type: ColumnType) => `${what} is used on ${inWords(type)}`,
  overflow: (what: string) => `${what} of bigints may leave 64 bits`,
  identity: (what: string, type: ColumnType) =>
    `${what} compares ${inWords(type)}, which are equal only to themselves`,
  inherited: (name: string) => `the property ${name} may be inherited`,
  codePoints: () => 'an array pattern takes text apart by code points',
  notIterable: (type: ColumnType) => `an array pattern is used on ${inWords(type)}`,
  noMethod: (method: string, type: ColumnType) =>
    `the method ${method} is used on ${inWords(type)}`,
  argument: (method: string, type: ColumnType) => `${method} is given ${inWords(type)}`,
  argumentCount: (method: string) => `${method} is called with another number of arguments`,
  hazard: (method: string, needs: string) => `${method} ${needs}, else it may throw`,
  typeofMixed: (type: ColumnType) => `typeof gives several answers for ${inWords(type)}`,
  tupleSize: (size: number) => `an array of ${size} items is no tuple`,
  structSize: (size: number) => `an object of ${size} fields is no struct`,
  dynamicItem: () => 'at needs a constant place to read from a tuple',
} as const

function missing(type: ColumnType): string {
  return [...(type.nulls ? ['null'] : []), ...(type.undefineds ? ['undefined'] : [])].join(' or ')
}
