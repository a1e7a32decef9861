/**
 * foreachRDD: the function runs on the main thread, once for every batch with an RDD.
 *
 * What it can't catch: that operations of two batches never overlap under a real clock.
 */
import { runStream } from 'pelton/testing'
import { describe, expect, test } from 'vitest'

interface Seen {
  readonly time: number
  readonly rows: unknown[]
}

/** What foreachRDD sees of a stream made by `make`. */
async function seenBy(
  input: readonly (readonly unknown[] | null)[],
  make: (stream: any) => any,
): Promise<Seen[]> {
  const seen: Seen[] = []
  await runStream({
    input,
    build: (stream: any) => {
      const made = make(stream)
      made.foreachRDD(async (rdd: any, time: number) => {
        seen.push({ time: Number(time), rows: await rdd.collect() })
      })
      return made
    },
  } as any)
  return seen
}

describe('foreachRDD', () => {
  test('is called with the RDD and the time of every batch', async () => {
    const input = [[1, 2], [], ['a']]
    expect(await seenBy(input, s => s)).toEqual([
      { time: 1000, rows: [1, 2] },
      { time: 2000, rows: [] },
      { time: 3000, rows: ['a'] },
    ])
  })

  test('is not called where there is no RDD', async () => {
    const input = [null, [1], null]
    expect(await seenBy(input, s => s.map((x: number) => -x))).toEqual([{ time: 2000, rows: [-1] }])
  })

  test('is called at the slide of a window', async () => {
    const input = [[1], [2], [3], [4]]
    expect(await seenBy(input, s => s.window(2000, 2000))).toEqual([
      { time: 2000, rows: [1, 2] },
      { time: 4000, rows: [3, 4] },
    ])
  })

  test('may use RDD operators and actions', async () => {
    const answers: unknown[] = []
    await runStream({
      input: [['b', 'a', 'b']],
      build: (stream: any) => {
        stream.foreachRDD(async (rdd: any) => {
          const counts = rdd
            .map((word: string) => [word, 1])
            .reduceByKey((a: number, b: number) => a + b)
          const pairs: [string, number][] = await counts.collect()
          answers.push(await rdd.count(), pairs.sort())
        })
        return stream
      },
    } as any)
    expect(answers).toEqual([
      3,
      [
        ['a', 1],
        ['b', 2],
      ],
    ])
  })

  test('functions of one batch run in the order of their definition', async () => {
    const order: string[] = []
    await runStream({
      input: [[1], [2]],
      build: (stream: any) => {
        const slow = stream.map((x: number) => x)
        slow.foreachRDD(async (rdd: any) => {
          const [x] = await rdd.collect()
          order.push(`first ${x}`)
        })
        stream.foreachRDD((_: unknown, time: number) => order.push(`second ${Number(time) / 1000}`))
        return slow
      },
    } as any)
    expect(order).toEqual(['first 1', 'second 1', 'first 2', 'second 2'])
  })

  test('fails the run with what it throws', async () => {
    const running = runStream({
      input: [[1]],
      build: (stream: any) => {
        stream.foreachRDD(async () => {
          throw new Error('the sink is gone')
        })
        return stream
      },
    } as any)
    await expect(running).rejects.toThrow('the sink is gone')
  })
})
