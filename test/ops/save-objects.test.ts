/**
 * Object files: what is written is what is read.
 *
 * What it can't catch: that a file is whole after a power cut.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { runStream } from 'pelton/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { inContext } from '../context/rdd-support.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelton-test-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test.each([1, 7])('rows of every type come back, partitions: %i', async n => {
  const rows = [
    1,
    -0,
    Number.NaN,
    'text ü😀',
    null,
    undefined,
    true,
    10n,
    ['k', [1, 2]],
    { a: { b: [1] } },
    new Date(5),
    new Map([['a', new Set([1])]]),
    new Uint8Array([1, 2]),
  ]
  await inContext(async ssc => {
    await ssc.parallelize(rows, n).saveAsObjectFile(join(directory, 'out'))
    const files = Array.from({ length: n }, (_, i) => `part-0000${i}`)
    expect(readdirSync(join(directory, 'out')).sort()).toEqual(['_SUCCESS', ...files])
    const read = ssc.objectFile(join(directory, 'out'))
    expect(await read.collect()).toEqual(rows)
    expect(read.getNumPartitions()).toBe(n)
    expect(await read.count()).toBe(rows.length)
  })
})

test('of a stream there is a directory a batch, but none for a batch without RDD', async () => {
  const input = [[{ a: 1n }], null, [], [new Map([[1, 2]])]]
  const build = (stream: any) => {
    stream.saveAsObjectFiles(join(directory, 'out'), 'bin')
    return stream
  }
  await runStream({ input, build } as any)
  expect(readdirSync(directory).sort()).toEqual(['out-1000.bin', 'out-3000.bin', 'out-4000.bin'])
  await inContext(async ssc => {
    const read = ssc.objectFile(join(directory, 'out-*.bin'))
    expect(await read.collect()).toEqual([{ a: 1n }, new Map([[1, 2]])])
  })
})

test('any rows, and partitions without any', async () => {
  await inContext(async ssc => {
    let runs = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), fc.constantFrom(1, 3), async (rows, n) => {
        const out = join(directory, `out-${runs++}`)
        await ssc.parallelize<unknown>(rows, n).saveAsObjectFile(out)
        expect(await ssc.objectFile(out).collect()).toEqual(rows)
      }),
      { numRuns: 20 },
    )
  })
})

test('many and long rows', async () => {
  await inContext(async ssc => {
    const rows = Array.from({ length: 20_000 }, (_, i) => ({ i, text: `row ${i}` }))
    const long = { i: -1, text: 'x'.repeat(1_000_000) }
    await ssc.parallelize([...rows, long], 2).saveAsObjectFile(join(directory, 'out'))
    expect(await ssc.objectFile(join(directory, 'out')).collect()).toEqual([...rows, long])
  })
})

test('a directory that exists is refused unless told to overwrite it', async () => {
  await inContext(async ssc => {
    const out = join(directory, 'out')
    await ssc.parallelize([1, 2], 2).saveAsObjectFile(out)
    const again = ssc.parallelize([3], 1)
    await expect(again.saveAsObjectFile(out)).rejects.toThrow('already exists')
    await again.saveAsObjectFile(out, { overwrite: true })
    expect(await ssc.objectFile(out).collect()).toEqual([3])
    await expect(again.saveAsObjectFile('')).rejects.toThrow('saveAsObjectFile: the directory')
  })
})

test('nothing is left when a row can’t be computed', async () => {
  await inContext(async ssc => {
    const out = join(directory, 'out')
    const rdd = ssc.parallelize([1], 1).map((): number => {
      throw new Error('no row')
    })
    await expect(rdd.saveAsObjectFile(out)).rejects.toThrow('no row')
    expect(existsSync(out)).toBe(false)
    expect(readdirSync(directory)).toEqual([])
  })
})
