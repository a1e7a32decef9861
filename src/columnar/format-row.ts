/**
 * A row as text, for print and text files: strings as they are, pairs and other arrays in round
 * brackets as Spark prints tuples, objects as JSON.
 *
 * @example
 * formatRow(['the', 3]) // '(the,3)'
 */
export function formatRow(row: unknown): string {
  if (typeof row === 'string') return row
  if (Array.isArray(row)) return `(${row.map(formatRow).join(',')})`
  if (row instanceof Date) return Number.isNaN(row.getTime()) ? 'Invalid Date' : row.toISOString()
  if (row instanceof Map)
    return `Map(${[...row].map(([k, v]) => `${formatRow(k)} -> ${formatRow(v)}`).join(', ')})`
  if (row instanceof Set) return `Set(${[...row].map(formatRow).join(', ')})`
  if (typeof row === 'object' && row !== null) {
    return JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  }
  return Object.is(row, -0) ? '-0' : String(row)
}
