import { type DStream, resource } from 'pelton'
import { runStream } from 'pelton/testing'
import { describe, expect, test } from 'vitest'
import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('mapAsync', [
  {
    name: 'gives what its function returns, in the order of the rows',
    input: [[3, 1, 2], [], null, [4]],
    steps: [['mapAsync', (x: number) => x * 10]],
    expected: [[30, 10, 20], [], [40]],
  },
  {
    name: 'stands between other steps',
    input: [['a b', 'b'], ['c']],
    steps: [
      ['flatMap', (line: string) => line.split(' ')],
      ['mapAsync', (word: string) => [word, 1], { concurrency: 2 }],
      ['reduceByKey', (a: number, b: number) => a + b],
    ],
    compare: 'set',
    expected: [
      [
        ['a', 1],
        ['b', 2],
      ],
      [['c', 1]],
    ],
  },
  {
    name: 'goes on from rows that kernels have made',
    input: [Array.from({ length: 3000 }, (_, i) => i)],
    steps: [
      ['filter', (x: number) => x % 2 === 0],
      ['mapAsync', (x: number) => `${x}`],
      ['mapAsync', (text: string) => text.length],
    ],
  },
])

/** Rows of one batch in one partition through `mapAsync`. */
async function looked<U>(
  rows: readonly number[],
  f: (x: number) => Promise<U> | U,
  options: object,
): Promise<U[] | undefined> {
  const build = (stream: DStream<number>) => stream.mapAsync(f, options)
  return (await runStream({ input: [[...rows]], partitions: 1, build }))[0] as U[] | undefined
}

describe('calls', () => {
  test('overlap up to the concurrency, and results keep their order', async () => {
    // Each call resolves when the last of its group of three has begun: one at a time would hang.
    const group = resource(() => ({ begun: [] as (() => void)[] }))
    const f = async (x: number) => {
      const { begun } = group.get()
      await new Promise<void>(resolve => {
        begun.push(resolve)
        if (begun.length === 3) for (const go of begun.splice(0).reverse()) go()
      })
      return x * 2
    }
    expect(await looked([1, 2, 3, 4, 5, 6], f, { concurrency: 3 })).toEqual([2, 4, 6, 8, 10, 12])
  })

  test('give their results as they come where no order is asked for', async () => {
    const f = async (x: number) => {
      for (let turns = 0; turns < (x === 1 ? 50 : 1); turns++) await Promise.resolve()
      return x
    }
    expect(await looked([1, 2, 3], f, { concurrency: 3, ordered: false })).toEqual([2, 3, 1])
  })

  test('that fail are made again so many times, and no more', async () => {
    const made = resource(() => new Map<number, number>())
    const f = async (x: number) => {
      const tries = made.get()
      tries.set(x, (tries.get(x) ?? 0) + 1)
      if (tries.get(x)! < 3) throw new Error(`not yet ${x}`)
      return tries.get(x)
    }
    expect(await looked([70, 71], f, { retries: 2, retryDelay: 1 })).toEqual([3, 3])
  })

  test('that never succeed fail the batch, with operator and row', async () => {
    const f = async (x: number) => {
      if (x === 2) throw new Error('no such id')
      return x
    }
    const running = looked([1, 2, 3], f, { retries: 1, retryDelay: 0 })
    await expect(running).rejects.toThrow(/mapAsync at .*row 2.*no such id/s)
  })

  test('that take longer than the timeout fail', async () => {
    const f = () => new Promise<number>(() => {})
    const running = looked([1], f, { timeout: 5 })
    await expect(running).rejects.toThrow(/took longer than its timeout, 5 ms/)
  })
})

test.each([
  [{ concurrency: 0 }, 'concurrency is 0'],
  [{ concurrency: 1.5 }, 'concurrency is 1.5'],
  [{ retries: -1 }, 'retries is -1'],
  [{ retryDelay: Number.NaN }, 'retryDelay is NaN'],
  [{ timeout: 0 }, 'timeout is 0'],
])('options %j are refused', async (options, sentence) => {
  await expect(looked([1], x => x, options)).rejects.toThrow(sentence)
})
