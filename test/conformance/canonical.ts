/** How two values are told apart: as rows (nothing is merged) or as grouping keys. */
export type Sameness = 'row' | 'key'

/**
 * Writes a value as a string that is equal for equal values and different for different ones.
 *
 * - As a `row`, everything that JavaScript can tell apart stays apart: 0 and -0, null and
 *   undefined, array holes, the order of an object's keys, lone surrogates, bigint and number.
 * - As a `key`, null equals undefined, -0 equals 0 and the order of an object's keys is ignored,
 *   at any depth. NaN equals NaN in both.
 *
 * @example
 * canonical(['a', -0]) // '["a", -0]'
 * canonical(['a', -0], 'key') // '["a", 0]'
 */
export function canonical(value: unknown, as: Sameness = 'row'): string {
  switch (typeof value) {
    case 'undefined':
      return as === 'key' ? 'null' : 'undefined'
    case 'number':
      return Object.is(value, -0) && as === 'row' ? '-0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'string':
      return JSON.stringify(value)
    case 'object':
      return value === null ? 'null' : canonicalObject(value, as)
    default:
      return String(value)
  }
}

function canonicalObject(value: object, as: Sameness): string {
  if (Array.isArray(value)) {
    const items = Array.from(value, (item, i) =>
      i in value || as === 'key' ? canonical(item, as) : 'hole',
    )
    return `[${items.join(', ')}]`
  }
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof RegExp) return `RegExp(${value})`
  if (value instanceof Map) {
    const entries = [...value].map(([k, v]) => `${canonical(k, as)} → ${canonical(v, as)}`)
    return `Map{${entries.join(', ')}}`
  }
  if (value instanceof Set) return `Set{${[...value].map(item => canonical(item, as)).join(', ')}}`
  if (ArrayBuffer.isView(value)) {
    // A Buffer is a view of bytes like any other: that it may come back as a Uint8Array is allowed.
    const name = Buffer.isBuffer(value) ? 'Uint8Array' : value.constructor.name
    return `${name}(${[...(value as Uint8Array)].join(', ')})`
  }
  const fields = Object.keys(value).map(
    key => `${JSON.stringify(key)}: ${canonical((value as Record<string, unknown>)[key], as)}`,
  )
  if (as === 'key') fields.sort()
  return `{${fields.join(', ')}}`
}

/**
 * What of two batches must be equal.
 *
 * - `list`: the rows in their order.
 * - `set`: the rows with their multiplicity, in any order.
 * - `keyed`: the same for pairs whose keys are compared as grouping does, because a group may be
 *   named by any of its equal keys.
 */
export type Compare = 'list' | 'set' | 'keyed'

/** The batches of a stream, each as a list of strings that is equal exactly if the batches are. */
export function comparable(batches: readonly (readonly unknown[])[], compare: Compare): string[][] {
  return batches.map(rows => {
    if (compare === 'list') return rows.map(row => canonical(row))
    if (compare === 'set') return rows.map(row => canonical(row)).sort()
    return rows.map(comparablePair).sort()
  })
}

function comparablePair(row: unknown): string {
  const [key, ...rest] = row as unknown[]
  return `[${[canonical(key, 'key'), ...rest.map(item => canonical(item))].join(', ')}]`
}
