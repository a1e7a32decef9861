/** Logs of numbered records on disks in memory, for the tests beside it. */
import { type LogOptions, type LogRecord, WriteAheadLog } from '../../src/durable/log.ts'
import type { MemoryDisk } from '../../src/testing/memory-disk.ts'

/** What a record with a number holds: the number, and bytes that follow from it. */
export function payloadOf(number: number, bytes = number % 40): Uint8Array {
  return Buffer.concat([Buffer.from(`${number}:`), Buffer.alloc(bytes, number)])
}

/** The number in a payload that is what `payloadOf` gives, byte for byte. */
export function numberIn(payload: Uint8Array): number {
  const text = Buffer.from(payload)
  const number = Number.parseInt(text.toString('latin1'), 10)
  const whole = payloadOf(number, payload.length - `${number}:`.length)
  if (!text.equals(whole)) throw new Error(`other data: ${text.toString('hex')}`)
  return number
}

export async function all(records: AsyncIterable<LogRecord>): Promise<LogRecord[]> {
  return Array.fromAsync(records)
}

export async function numbersOf(records: AsyncIterable<LogRecord>): Promise<number[]> {
  return (await all(records)).map(({ payload }) => numberIn(payload))
}

/** Opens a log with a clock that stands, and keeps what it warns about. */
export async function opened(disk: MemoryDisk, options: Partial<LogOptions> = {}) {
  const warnings: string[] = []
  const warn = (message: string) => warnings.push(message)
  const log = await WriteAheadLog.open(disk, { now: () => 0, warn, ...options })
  return { log, warnings }
}

/** Appends records with these numbers at once; resolves to what became of each. */
export function append(log: WriteAheadLog, numbers: readonly number[]) {
  return Promise.allSettled(numbers.map(number => log.append(1, [payloadOf(number)])))
}

/** Numbers from..to, both included. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)

/** The error that a promise rejects with. */
export async function failure(promise: PromiseLike<unknown>): Promise<any> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

/** A file with some bytes replaced. */
export function changed(bytes: Uint8Array, at: number, by: (old: number) => number): Uint8Array {
  const copy = Buffer.from(bytes)
  copy[at] = by(copy[at]!)
  return copy
}
