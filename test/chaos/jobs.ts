/** The five jobs of the simulated campaign, with input that follows from a seed. */
import { writeFileSync } from 'node:fs'
import { type DStream, StateSpec, type StreamingContext } from '../../src/index.ts'
import { randomNumbers } from '../../src/ops/sample.ts'
import type { MemoryDisk } from '../../src/testing/memory-disk.ts'

/** What a function does beside its work, once in all lives: `file` tells whether it has. */
export interface Mishap {
  readonly file: string
  readonly kind: 'throws' | 'is slow' | 'none'
}

export interface Job {
  readonly name: string
  readonly inputs: number
  /** Streams, the context, the disk, and the mishap. */
  readonly build: (streams: DStream<any>[], rest: BuildRest) => DStream<unknown>
}

interface BuildRest {
  readonly ssc: StreamingContext
  readonly disk: MemoryDisk
  readonly mishap: Mishap
}

const slowMs = 5
const add = (a: number, b: number): number => a + b

/** A word and a one, for each word; the second word called `w1` or `w2` may come with trouble. */
function ones(words: DStream<string>, { file, kind }: Mishap): DStream<[string, number]> {
  if (kind === 'none') return words.map(word => [word, 1] as [string, number])
  return words.map(word => {
    if (word === 'w1' || word === 'w2') {
      try {
        writeFileSync(`${file}-${word}`, '', { flag: 'wx' })
      } catch {
        return [word, 1] as [string, number]
      }
      if (kind === 'throws') throw new Error('a planned one')
      for (const until = performance.now() + slowMs; performance.now() < until; );
    }
    return [word, 1] as [string, number]
  })
}

/** Writes a batch's rows to a file named by its time, so that a second time changes nothing. */
async function save(disk: MemoryDisk, time: number, rows: readonly unknown[]): Promise<void> {
  const name = `out-${String(time).padStart(8, '0')}`
  const temporary = `part-${name}`
  if ((await disk.list()).includes(temporary)) await disk.remove(temporary)
  const file = await disk.create(temporary)
  const text = rows.map(row => JSON.stringify(row)).sort()
  await file.append([Buffer.from(text.join('\n'))])
  await file.sync()
  await file.close()
  await disk.rename(temporary, name)
  await disk.syncNames()
}

/** The files that `save` has left, by name. */
export function savedFiles(disk: MemoryDisk): [name: string, text: string][] {
  return [...disk.files()]
    .filter(([name]) => name.startsWith('out-'))
    .map(([name, bytes]): [string, string] => [name, Buffer.from(bytes).toString()])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

export const jobs: readonly Job[] = [
  {
    name: 'word count',
    inputs: 1,
    build: ([words], { mishap }) => ones(words!, mishap).reduceByKey(add),
  },
  {
    name: 'inverse window',
    inputs: 1,
    build: ([words], { mishap }) =>
      ones(words!, mishap).reduceByKeyAndWindow(add, (a, b) => a - b, 4000, 2000, {
        filter: ([, count]: readonly [string, number]) => count > 0,
      }),
  },
  {
    name: 'updateStateByKey',
    inputs: 1,
    build: ([words], { mishap }) =>
      ones(words!, mishap).updateStateByKey((values, state: number | undefined) =>
        // A word that has not come for a batch is forgotten when its count is a multiple of four.
        values.length === 0 && state! % 4 === 0 ? undefined : values.length + (state ?? 0),
      ),
  },
  {
    name: 'mapWithState with timeouts',
    inputs: 1,
    build: ([words], { mishap }) => {
      const spec = StateSpec.timedFunction(
        (time: number, key: string, value: number | undefined, state: any) => {
          if (state.isTimingOut()) return [key, 'out', time, state.get().count]
          state.update({ count: (state.getOption()?.count ?? 0) + (value ?? 0), time })
          return [key, 'in', time, state.get().count]
        },
      )
      const mapped = ones(words!, mishap).mapWithState(spec.timeout(2000).partitions(3))
      const snapshots = mapped.stateSnapshots().map(row => ['state', row] as any)
      return (mapped as DStream<any>).union(snapshots)
    },
  },
  {
    name: 'join of streams with a file sink',
    inputs: 2,
    build: ([left, right], { disk, mishap }) => {
      const counts = ones(left!, mishap).reduceByKey(add)
      const joined = counts.join(ones(right!.window(2000), { ...mishap, kind: 'none' }))
      joined.foreachRDD(async (rdd, time) => await save(disk, time, await rdd.collect()))
      return joined
    },
  },
]

const batchesMin = 7
const batchesMore = 6
const rowsMax = 12
const words = 6

/** Batches of words, one list for each input; some batches are empty. */
export function inputsOf({ inputs }: Job, seed: number): string[][][] {
  const random = randomNumbers(seed ^ 0x5eed)
  const batches = batchesMin + Math.floor(random() * batchesMore)
  return Array.from({ length: inputs }, () =>
    Array.from({ length: batches }, () => {
      const rows = random() < 0.2 ? 0 : Math.floor(random() * rowsMax)
      return Array.from({ length: rows }, () => `w${Math.floor(random() * words)}`)
    }),
  )
}
