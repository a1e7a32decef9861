/** Which Arrow type the columns of some blocks have in common. */
import { type ArrowField, ArrowKind, arrowField, DOUBLE, MILLISECOND } from './arrow-format.ts'
import { encodedBytes } from './codec.ts'
import type { Column } from './column.ts'
import { ListColumn, StructColumn, TupleColumn } from './column-nested.ts'
import { AnyColumn, Utf8Column } from './column-text.ts'

/**
 * What is exported: types of columns, except that `any` is `binary` where all values are byte
 * arrays, and `json` otherwise.
 */
export interface ExportType {
  readonly form:
    | 'absent'
    | 'bool'
    | 'float64'
    | 'int64'
    | 'timestamp'
    | 'utf8'
    | 'list'
    | 'struct'
    | 'tuple'
    | 'binary'
    | 'json'
  readonly names: readonly string[]
  readonly children: readonly ExportType[]
  /** Some strings hold lone surrogates, which Arrow can't have. */
  readonly lossy: boolean
}

const ABSENT_TYPE: ExportType = { form: 'absent', names: [], children: [], lossy: false }
const JSON_TYPE: ExportType = { form: 'json', names: [], children: [], lossy: false }

/** Metadata that lets an import restore what Arrow has no type for. */
export const KIND_KEY = 'pelton.kind'
/** Metadata of fields whose text was changed on export. */
export const LOSSY_KEY = 'pelton.lossy'
export const EXTENSION_KEY = 'ARROW:extension:name'
/** Arrow's canonical extension type for JSON text. */
export const JSON_EXTENSION = 'arrow.json'

/** Names of the fields of a tuple, as in Spark. */
export function tupleNames(count: number): string[] {
  return Array.from({ length: count }, (_, k) => `_${k + 1}`)
}

export function exportTypeOf(column: Column): ExportType {
  const plain = { names: [], children: [], lossy: false }
  if (column instanceof Utf8Column) return { ...plain, form: 'utf8', lossy: column.wtf8 }
  if (column instanceof ListColumn) {
    return { ...plain, form: 'list', names: ['item'], children: [exportTypeOf(column.item)] }
  }
  if (column instanceof TupleColumn) {
    const names = tupleNames(column.items.length)
    return { ...plain, form: 'tuple', names, children: column.items.map(exportTypeOf) }
  }
  if (column instanceof StructColumn) {
    const children = column.columns.map(exportTypeOf)
    return { ...plain, form: 'struct', names: column.names, children }
  }
  if (column instanceof AnyColumn) return { ...plain, form: isBinary(column) ? 'binary' : 'json' }
  return { ...plain, form: column.type.kind as ExportType['form'] }
}

function isBinary(column: AnyColumn): boolean {
  for (let i = 0; i < column.rows; i++) {
    const encoded = column.encoded(i)
    if (encoded.length > 0 && encodedBytes(encoded) === undefined) return false
  }
  return true
}

/** The narrowest type that holds the values of both; JSON where nothing else does. */
export function unify(a: ExportType, b: ExportType): ExportType {
  if (a.form === 'absent') return b
  if (b.form === 'absent') return a
  const lossy = a.lossy || b.lossy
  if (a.form === 'struct' && b.form === 'struct') {
    const names = [...new Set([...a.names, ...b.names])]
    const children = names.map(name => unify(childOf(a, name), childOf(b, name)))
    return { form: 'struct', names, children, lossy }
  }
  const isSame = a.form === b.form && a.children.length === b.children.length
  if (isSame) {
    return { ...a, children: a.children.map((child, k) => unify(child, b.children[k]!)), lossy }
  }
  return isArray(a) && isArray(b) ? listOf([...a.children, ...b.children]) : JSON_TYPE
}

function isArray(type: ExportType): boolean {
  return type.form === 'list' || type.form === 'tuple'
}

function hasJson({ form, children }: ExportType): boolean {
  return form === 'json' || children.some(hasJson)
}

/** Arrays of different lengths are lists where their items have one type. */
function listOf(items: readonly ExportType[]): ExportType {
  const item = items.reduce(unify)
  return hasJson(item)
    ? JSON_TYPE
    : { form: 'list', names: ['item'], children: [item], lossy: false }
}

function childOf(type: ExportType, name: string): ExportType {
  return type.children[type.names.indexOf(name)] ?? ABSENT_TYPE
}

/** The Arrow field for a type. */
export function fieldOf(name: string, type: ExportType): ArrowField {
  const metadata = new Map<string, string>()
  if (type.form === 'tuple') metadata.set(KIND_KEY, 'tuple')
  if (type.form === 'json') {
    metadata.set(EXTENSION_KEY, JSON_EXTENSION)
    metadata.set('ARROW:extension:metadata', '')
  }
  if (type.lossy) metadata.set(LOSSY_KEY, 'lone surrogates replaced by U+FFFD')
  const children = type.children.map((child, k) => fieldOf(type.names[k]!, child))
  return arrowField(name.toWellFormed(), KINDS[type.form], {
    ...DETAILS[type.form],
    children,
    metadata,
  })
}

const KINDS: Record<ExportType['form'], number> = {
  absent: ArrowKind.Null,
  bool: ArrowKind.Bool,
  float64: ArrowKind.Float,
  int64: ArrowKind.Int,
  timestamp: ArrowKind.Timestamp,
  utf8: ArrowKind.Utf8,
  list: ArrowKind.List,
  struct: ArrowKind.Struct,
  tuple: ArrowKind.Struct,
  binary: ArrowKind.Binary,
  json: ArrowKind.Utf8,
}

const DETAILS: Partial<Record<ExportType['form'], Partial<ArrowField>>> = {
  float64: { unit: DOUBLE },
  int64: { width: 64, signed: true },
  timestamp: { unit: MILLISECOND, timezone: 'UTC' },
}
