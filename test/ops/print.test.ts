/** print: the first rows of each batch on standard output, in Spark's form. */
import { runStream } from 'pelton/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

let printed: string
beforeEach(() => {
  printed = ''
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    printed += String(text)
    return true
  })
})
afterEach(() => vi.restoreAllMocks())

type Input = readonly (readonly unknown[] | null)[]

const rule = '-'.repeat(43)

/** What one batch prints. */
const batch = (time: number, ...lines: string[]): string =>
  [rule, `Time: ${time} ms`, rule, ...lines, '', ''].join('\n')

async function print(input: Input, rows?: number, partitions = 3): Promise<string> {
  await runStream({
    input,
    partitions,
    build: (stream: any) => {
      if (rows === undefined) stream.print()
      else stream.print(rows)
      return stream
    },
  } as any)
  return printed
}

describe('print', () => {
  test('prints the rows of every batch under its time', async () => {
    const out = await print([['a', 'b'], [], [['the', 3]]])
    expect(out).toBe(batch(1000, 'a', 'b') + batch(2000) + batch(3000, '(the,3)'))
  })

  test('prints ten rows, and dots when there are more', async () => {
    const ten = Array.from({ length: 10 }, (_, i) => i)
    const lines = ten.map(String)
    const out = await print([ten, [...ten, 10]])
    expect(out).toBe(batch(1000, ...lines) + batch(2000, ...lines, '...'))
  })

  test('prints as many rows as it is told to, over partitions', async () => {
    const out = await print([[1, 2, 3, 4, 5]], 4, 5)
    expect(out).toBe(batch(1000, '1', '2', '3', '4', '...'))
  })

  test('prints nothing for a batch without RDD', async () => {
    expect(await print([null, ['a']])).toBe(batch(2000, 'a'))
  })

  test('prints values of any type', async () => {
    const rows = [null, undefined, -0, 1n, true, ['k', ['v', 1]], { a: 'b' }, 'ü😀']
    const lines = ['null', 'undefined', '-0', '1', 'true', '(k,(v,1))', '{"a":"b"}', 'ü😀']
    expect(await print([rows])).toBe(batch(1000, ...lines))
  })

  test('refuses a number of rows that is none', async () => {
    await expect(print([[1]], -1)).rejects.toThrow('print(-1)')
    await expect(print([[1]], 1.5)).rejects.toThrow('print(1.5)')
  })
})
