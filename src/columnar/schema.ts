/**
 * Column types: what a block knows about its rows.
 *
 * Types form a lattice `absent < T < any`. `nulls` and `undefineds` say whether a null or an
 * undefined was seen, so that kernels choose the loop without bitmaps when they can.
 */

/** Whether a column holds missing values, and which. */
export interface Missing {
  readonly nulls: boolean
  readonly undefineds: boolean
}

/** A type without parts. `absent` has no value yet; `any` holds codec bytes. */
export interface ScalarType extends Missing {
  readonly kind: 'absent' | 'bool' | 'float64' | 'int64' | 'timestamp' | 'utf8' | 'any'
}

/** Arrays of varying length whose items share one type. */
export interface ListType extends Missing {
  readonly kind: 'list'
  readonly item: ColumnType
}

/** Arrays that all have the same length, 1 to 8. */
export interface TupleType extends Missing {
  readonly kind: 'tuple'
  readonly items: readonly ColumnType[]
}

export interface StructField {
  readonly name: string
  readonly type: ColumnType
}

/**
 * Plain objects. A shape lists indexes into `fields` in the order of a row's keys; a field that
 * a row's shape leaves out is absent there, and undefined in the field's column.
 */
export interface StructType extends Missing {
  readonly kind: 'struct'
  readonly fields: readonly StructField[]
  readonly shapes: readonly (readonly number[])[]
}

export type ColumnType = ScalarType | ListType | TupleType | StructType

export type ColumnKind = ColumnType['kind']

/** Numeric forms of the kinds, as stored in a block's header. Never renumber: blocks persist. */
export const ABSENT = 0
export const BOOL = 1
export const FLOAT64 = 2
export const INT64 = 3
export const TIMESTAMP = 4
export const UTF8 = 5
export const LIST = 6
export const STRUCT = 7
export const TUPLE = 8
export const ANY = 9

/** Names of the kinds by their number. */
export const KIND_NAMES: readonly ColumnKind[] = [
  'absent',
  'bool',
  'float64',
  'int64',
  'timestamp',
  'utf8',
  'list',
  'struct',
  'tuple',
  'any',
]

/** Longest array kept as a tuple. */
export const TUPLE_ITEMS_MAX = 8
/** Most fields of one struct; objects with more make the column `any`. */
export const FIELDS_MAX = 128
/** Most key orders of one struct; more make the column `any`. */
export const SHAPES_MAX = 64
/** Deepest nesting that is columnar; deeper (or cyclic) rows make the whole block `any`. */
export const DEPTH_MAX = 8
/** Most columns of one block; more make the whole block `any`. */
export const COLUMNS_MAX = 1024

/**
 * A stable text for a type: equal texts mean equal types. A `?` marks nulls, a `~` undefineds.
 *
 * @example
 * signature(block.type) // 'tuple(utf8,float64?)'
 */
export function signature(type: ColumnType): string {
  return unmarked(type) + (type.nulls ? '?' : '') + (type.undefineds ? '~' : '')
}

function unmarked(type: ColumnType): string {
  if (type.kind === 'list') return `list(${signature(type.item)})`
  if (type.kind === 'tuple') return `tuple(${type.items.map(signature).join(',')})`
  if (type.kind !== 'struct') return type.kind
  const fields = type.fields.map(f => `${JSON.stringify(f.name)}:${signature(f.type)}`)
  // One shape that lists the fields in order is the common case and goes without saying.
  const plain = type.shapes.length === 1 && type.shapes[0]!.every((field, i) => field === i)
  const complete = plain && type.shapes[0]!.length === type.fields.length
  const shapes = complete ? '' : `;${type.shapes.map(s => s.join(' ')).join('|')}`
  return `struct(${fields.join(',')}${shapes})`
}

/** Whether some column of a type holds encoded values, because no column type fits them. */
export function hasFallback(type: ColumnType): boolean {
  switch (type.kind) {
    case 'any':
      return true
    case 'list':
      return hasFallback(type.item)
    case 'tuple':
      return type.items.some(hasFallback)
    case 'struct':
      return type.fields.some(field => hasFallback(field.type))
    default:
      return false
  }
}
