/** What checkpoints cost: the bytes that they write, and how long batches wait for them. */
import type { BenchOptions } from './arguments.ts'
import { median } from './jobs.ts'
import type { Output } from './latency.ts'
import { grouped, significant } from './report.ts'
import { ask, common, type Line } from './stream-run.ts'
import type { MeasuredCheckpoints } from './streams/checkpoints.ts'

const CHECKPOINTS = 12
const MIB = 2 ** 20

/** A million states, of which four batches change a hundredth between two checkpoints. */
export async function checkpoints(
  options: BenchOptions,
  _folder: string,
  progress: Output['progress'],
): Promise<Line[]> {
  progress('checkpoints: a million states')
  const args = [...common(options), String(CHECKPOINTS)]
  const measured = await ask<MeasuredCheckpoints>('checkpoints.ts', args)
  // The first is of the empty program; the second has all states.
  const [, whole, ...changes] = measured.checkpoints
  const batch = median(measured.batchMs)
  const of = (name: 'bytes' | 'takenMs' | 'writtenMs' | 'nextBatchMs'): number =>
    median(changes.map(one => one[name]))
  const fields = {
    wholeBytes: whole!.bytes,
    wholeTakenMs: whole!.takenMs,
    bytes: of('bytes'),
    takenMs: of('takenMs'),
    writtenMs: of('writtenMs'),
    nextBatchMs: of('nextBatchMs'),
    batchMs: batch,
  }
  const share = (100 * fields.bytes) / fields.wholeBytes
  const lines = [
    `all of ${grouped(1_000_000)} states: ${significant(fields.wholeBytes / MIB)} MiB, taken in ` +
      `${significant(fields.wholeTakenMs)} ms`,
    `what four batches of 2,500 updates have changed: ${significant(fields.bytes / MIB)} MiB ` +
      `(${significant(share)} %), taken in ${significant(fields.takenMs)} ms, written in ` +
      `${significant(fields.writtenMs)} ms beside later batches`,
    `the batch behind it: ${significant(fields.nextBatchMs)} ms; others: ${significant(batch)} ms`,
  ]
  return lines.map((text, i) => ({ text, fields: i === 0 ? fields : {} }))
}
