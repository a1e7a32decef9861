/**
 * Writes each partition as one file `part-NNNNN` of whole rows, which `ssc.objectFile` reads, moved
 * into place when whole. Gives a row a file: its name, rows, bytes and checksum.
 *
 *   header │ length, row │ length, row │ …      lengths: 4 bytes, little-endian; rows: as the
 *                                               codec writes values
 *
 * @example
 * rdd.saveAsObjectFile('out/sessions')
 */
import { encodeValue } from '../columnar/codec.ts'
import { PeltonError } from '../errors.ts'
import { savingParts } from './part-file.ts'

/** Opens each file; the number is that of the format. */
export const objectsHeader = Buffer.from('pelton objects 1\n')
/** Longest row, in bytes. */
export const objectBytesMax = 256 * 1024 * 1024
export const lengthBytes = 4

const flushBytes = 64 * 1024

export const saveObjects = savingParts('saveAsObjectFile', frames)

function* frames(rows: Iterable<unknown>): Generator<Uint8Array> {
  let held: Uint8Array[] = [objectsHeader]
  let bytes = objectsHeader.length
  for (const row of rows) {
    const encoded = encodeValue(row)
    if (encoded.length > objectBytesMax) throw tooLong(encoded.length)
    const length = Buffer.alloc(lengthBytes)
    length.writeUInt32LE(encoded.length)
    held.push(length, encoded)
    bytes += lengthBytes + encoded.length
    if (bytes < flushBytes) continue
    yield Buffer.concat(held)
    held = []
    bytes = 0
  }
  yield Buffer.concat(held)
}

function tooLong(bytes: number): PeltonError {
  return new PeltonError(
    `a row takes ${bytes} bytes, more than the ${objectBytesMax} that an object file's row may ` +
      'have; cut it into several rows',
    { code: 'VALUE', operator: 'saveAsObjectFile' },
  )
}
