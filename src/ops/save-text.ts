/**
 * Writes each partition as one text file `part-NNNNN`, a row a line, moved into place when whole.
 * Gives one row a file: its name.
 *
 * @example
 * rdd.saveAsTextFile('out/words')
 */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { formatRow } from '../columnar/format-row.ts'
import type { Operator } from '../engine/operator.ts'

const flushChars = 64 * 1024

export const saveText: Operator = {
  name: 'saveAsTextFile',
  onAbsent: 'pass',
  workersOnly: true,
  kernel: {
    form: 'partition',
    emitsOnEmpty: () => true,
    run(rows, _functions, params, partition) {
      const name = `part-${String(partition).padStart(5, '0')}`
      const target = join(params.directory as string, name)
      const temporary = join(params.directory as string, `.${name}.${threadId}.tmp`)
      const fd = openSync(temporary, 'w')
      try {
        let text = ''
        for (const row of rows) {
          text += `${formatRow(row)}\n`
          if (text.length >= flushChars) {
            writeSync(fd, text)
            text = ''
          }
        }
        writeSync(fd, text)
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      renameSync(temporary, target)
      return [name]
    },
  },
}
