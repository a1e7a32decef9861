/**
 * Writes each partition as one text file `part-NNNNN`, a row a line, moved into place when whole.
 * Gives one row a file: its name.
 *
 * @example
 * rdd.saveAsTextFile('out/words')
 */
import { formatRow } from '../columnar/format-row.ts'
import type { Operator } from '../engine/operator.ts'
import { writePart } from './part-file.ts'

const flushChars = 64 * 1024

export const saveText: Operator = {
  name: 'saveAsTextFile',
  onAbsent: 'pass',
  workersOnly: true,
  kernel: {
    form: 'partition',
    emitsOnEmpty: () => true,
    run: (rows, _functions, params, partition) => [
      writePart({ directory: params.directory as string, partition, contents: lines(rows) }),
    ],
  },
}

function* lines(rows: Iterable<unknown>): Generator<string> {
  let text = ''
  for (const row of rows) {
    text += `${formatRow(row)}\n`
    if (text.length < flushChars) continue
    yield text
    text = ''
  }
  yield text
}
