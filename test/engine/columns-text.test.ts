/** Text that expressions make, through the engine: what outlives the vector it was made in. */
import { ManualClock, StreamingContext } from 'pelton'
import { runStream } from 'pelton/testing'
import { describe, expect, test } from 'vitest'

const gears = ['auto', 'row'] as const
type Gear = (typeof gears)[number]

async function both(run: (gear: Gear) => Promise<unknown>): Promise<unknown> {
  const [columns, rows] = [await run('auto'), await run('row')]
  expect(columns).toEqual(rows)
  return columns
}

const context = (gear: Gear) =>
  new StreamingContext({
    batchInterval: 1000,
    clock: new ManualClock(0),
    workers: 1,
    memory: '256MiB',
    gear,
  })

describe('long texts made by an expression', () => {
  const words = Array.from({ length: 30_000 }, (_, i) => `w${i % 9000}`)

  test('are keys over many vectors and partitions', async () => {
    const counts = await both(async gear => {
      await using ssc = context(gear)
      return await ssc
        .parallelize(words, 3)
        .map(w => [`${w}abcdefghijklmnop`, 1] as [string, number])
        .reduceByKey((a, b) => a + b, 5)
        .collect()
    })
    expect((counts as unknown[]).length).toBe(9000)
  })

  test('are keys of lines cut into words', async () => {
    const text = Buffer.from(words.join(' '))
    await both(async gear => {
      await using ssc = context(gear)
      return await ssc
        .parallelize({ text }, 3)
        .flatMap(line => line.split(' '))
        .map(w => w + 'abcdefghijklmnop')
        .filter(w => w.endsWith('p') && w.length > 3)
        .map(w => [w, 1] as [string, number])
        .reduceByKey((a, b) => a + b, 5)
        .collect()
    })
  })

  test('are rows that leave', async () => {
    await both(async gear => {
      await using ssc = context(gear)
      return await ssc
        .parallelize(words, 3)
        .map(w => [w.toUpperCase() + 'ß is longer than a view', w.length] as [string, number])
        .collect()
    })
  })
})

const rows = ['', ' ', 'a', 'aé', '\ud83d\ude00', '\ud83d', '\ude00x', 'İß', ' 12 ', '-0', '1e3']

describe('rows with lone surrogates and other text', () => {
  const wild = Array.from({ length: 500 }, (_, i) => ({
    s: rows[i % rows.length]!,
    t: rows[(i * 7) % rows.length]!,
    n: [0, -0, Number.NaN, 1.5, -7][i % 5]!,
    ok: i % 3 === 0,
  }))

  test.each([
    ['concatenation', (row: any) => [row.s + row.t, row.n]],
    ['template', (row: any) => [`${row.s}-${row.n}-${row.ok}`, 1]],
    ['conditional', (row: any) => [row.ok ? row.s : row.t || 'none', row.n]],
    ['parts', (row: any) => [row.s.slice(0, 1) + row.t.trim().charAt(0), row.s.length]],
    ['case', (row: any) => [row.s.toUpperCase(), row.t.toLowerCase().length]],
    ['numbers', (row: any) => [Number(row.s), row.n | 0]],
    ['objects', (row: any) => [{ a: row.s, b: row.n }.a, { a: row.s, b: row.n }.b]],
  ] as [string, (row: any) => [string | number, number]][])('%s', async (_, f) => {
    await both(gear =>
      runStream({
        input: [wild],
        gear,
        build: s =>
          s
            .filter((row: any) => row.s || row.n)
            .map(f)
            .reduceByKey((a, b) => a + b, 3),
      }),
    )
  })
})
