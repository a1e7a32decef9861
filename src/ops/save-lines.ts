/**
 * Writes each partition as one file of lines, a row a line: strings as they are and all else as
 * JSON, or everything as JSON. Gives a row a file: its name, rows, bytes and checksum.
 *
 * JSON is what `JSON.stringify` writes; a Map is written as an array of its entries, a Set as one
 * of its values, a bigint as a string, and undefined as null.
 *
 * @example
 * await rdd.saveParts('out', { format: 'json' }) // [{ name: 'part-00000', rows: 3, … }]
 */
import { PeltonError, preview } from '../errors.ts'
import { savingParts } from './part-file.ts'

const pieceChars = 64 * 1024

export const saveLines = savingParts('saveLines', (rows, { json }) =>
  pieces(rows, json === true ? jsonOf : lineOf),
)

function* pieces(rows: Iterable<unknown>, line: (row: unknown) => string): Generator<string> {
  let text = ''
  for (const row of rows) {
    text += `${line(row)}\n`
    if (text.length < pieceChars) continue
    yield text
    text = ''
  }
  yield text
}

function lineOf(row: unknown): string {
  if (typeof row !== 'string') return jsonOf(row)
  if (row.includes('\n')) throw severalLines(row)
  return row
}

function jsonOf(row: unknown): string {
  return JSON.stringify(row, plain) ?? 'null'
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Map || value instanceof Set ? [...value] : value
}

/** A reader would take it for several rows, and nobody would notice. */
function severalLines(row: string): PeltonError {
  return new PeltonError(
    `the row ${preview(row)} has a line break in it, and a row is to be one line of text. Write ` +
      'JSON (jsonFiles, format json), which escapes it, or cut or change such rows before',
    { code: 'VALUE' },
  )
}
