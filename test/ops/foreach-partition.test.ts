/**
 * foreachPartition runs a function for its effects, which here are lines in files: the workers can
 * change nothing else that the test could see.
 */
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runStream } from 'pelton/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelton-test-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

/** Runs `act` on the RDD of each batch. */
function onEachRDD(
  input: readonly (readonly unknown[])[],
  options: { partitions?: number; workers?: number },
  act: (rdd: any) => Promise<unknown>,
): Promise<unknown> {
  return runStream({
    input,
    ...options,
    build: (stream: any) => {
      stream.foreachRDD(act)
      return stream
    },
  } as any)
}

describe('foreachPartition', () => {
  for (const workers of [1, 2]) {
    test(`runs once on each partition, empty ones too, workers: ${workers}`, async () => {
      const prefix = join(directory, 'partition')
      await onEachRDD([['a', 'b', 'c', 'd', 'e'], []], { partitions: 3, workers }, rdd =>
        rdd.foreachPartition((rows: Iterable<string>, partition: number) => {
          appendFileSync(`${prefix}-${partition}-${[...rows].join('')}`, '')
        }),
      )
      expect(readdirSync(directory).sort()).toEqual([
        'partition-0-',
        'partition-0-a',
        'partition-1-',
        'partition-1-bc',
        'partition-2-',
        'partition-2-de',
      ])
    })
  }

  test('fails the batch with what the function throws', async () => {
    const running = onEachRDD([[1]], { partitions: 1 }, rdd =>
      rdd.foreachPartition(() => {
        throw new Error('disk full')
      }),
    )
    await expect(running).rejects.toThrow('disk full')
  })
})
