/** Rows as text, for print, text files and commands. */

const pieceChars = 64 * 1024

/**
 * A row as text: strings as they are, pairs and other arrays in round
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

/** Rows as lines of text, many lines a piece. */
export function* formatLines(rows: Iterable<unknown>): Generator<string> {
  let text = ''
  for (const row of rows) {
    text += `${formatRow(row)}\n`
    if (text.length < pieceChars) continue
    yield text
    text = ''
  }
  yield text
}
