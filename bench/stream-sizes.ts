/** Whether a batch costs what it changes, and not what is there already. */
import type { BenchOptions } from './arguments.ts'
import { median } from './jobs.ts'
import type { Output } from './latency.ts'
import { grouped, significant } from './report.ts'
import { ask, common, type Line } from './stream-run.ts'

const LENGTHS = [30, 300, 3000]
const KEYS = [1e4, 1e5, 1e6, 1e7]
const TIMED = 200

/** What streams/sizes.ts sends. */
export interface SizedBatches {
  readonly milliseconds: readonly number[]
  /** Bytes of the arena beyond the input. */
  readonly bytes: number
}

async function sized(
  options: BenchOptions,
  what: 'window' | 'states',
  size: number,
): Promise<{ milliseconds: number; bytes: number }> {
  const args = [...common(options), what, String(size), String(TIMED)]
  const { milliseconds, bytes } = await ask<SizedBatches>('sizes.ts', args)
  return { milliseconds: median(milliseconds), bytes }
}

/** A sliding window of 100,000 keys, with windows of several lengths. */
export async function windowLengths(
  options: BenchOptions,
  _folder: string,
  progress: Output['progress'],
): Promise<Line[]> {
  const lines: Line[] = []
  for (const length of LENGTHS) {
    progress(`window-length: ${length} batches`)
    const { milliseconds } = await sized(options, 'window', length)
    lines.push({
      text:
        `a window of ${grouped(length)} batches of 10,000 pairs, slide 1: ` +
        `${significant(milliseconds)} ms a batch`,
      fields: { length, milliseconds },
    })
  }
  return lines
}

/** 10,000 updates by `mapWithState`, of states of several sizes. */
export async function keysHeld(
  options: BenchOptions,
  _folder: string,
  progress: Output['progress'],
): Promise<Line[]> {
  const lines: Line[] = []
  for (const keys of KEYS) {
    progress(`keys-held: ${grouped(keys)} keys`)
    const { milliseconds, bytes } = await sized(options, 'states', keys)
    lines.push({
      text:
        `10,000 updates of ${grouped(keys)} keys held: ${significant(milliseconds)} ms a batch, ` +
        `${significant(bytes / keys)} bytes a key (key and state themselves: 16)`,
      fields: { keys, milliseconds, bytesPerKey: bytes / keys },
    })
  }
  return lines
}
