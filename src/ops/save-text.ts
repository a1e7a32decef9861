/**
 * Writes each partition as one text file `part-NNNNN`, a row a line, moved into place when whole.
 * Gives a row a file: its name, rows, bytes and checksum.
 *
 * @example
 * rdd.saveAsTextFile('out/words')
 */
import { formatLines } from '../columnar/format-row.ts'
import { savingParts } from './part-file.ts'

export const saveText = savingParts('saveAsTextFile', formatLines)
