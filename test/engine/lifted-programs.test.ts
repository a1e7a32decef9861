/**
 * Programs drawn from the lifter's table through the whole engine. That they ran over columns is
 * read from the counters, what they gave is compared with JavaScript.
 */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { type StreamingContext, using } from 'pelton'
import { runStream } from 'pelton/testing'
import { describe, expect, test } from 'vitest'
import { specialise } from '../../src/expressions/index.ts'
import { liftSource } from '../../src/functions/lift.ts'
import { captured, compile, options, programs, rows, rowType } from '../functions/lift-draw.ts'

interface Ran {
  readonly rows: unknown[]
  readonly columnRows: number
  readonly kernelValues: number
  readonly calledValues: number
}

async function run(input: readonly unknown[], fn: any, gear?: 'row'): Promise<Ran> {
  let context: StreamingContext | undefined
  const [out] = await runStream({
    input: [input],
    workers: 1,
    build: (s, ssc) => {
      context = ssc
      return s.map(fn).map(value => [value]) as any
    },
    ...(gear && { gear }),
  })
  const { columnRows, kernelValues, calledValues } = context!.metrics()
  return {
    rows: (out as unknown[][]).map(([value]) => value),
    columnRows,
    kernelValues,
    calledValues,
  }
}

const seen = { programs: 0, kernels: 0, calls: 0, rowLoop: 0 }

test('random programs', async () => {
  await fc.assert(
    fc.asyncProperty(
      programs,
      fc.array(rows, { minLength: 1, maxLength: 12 }),
      async (source, input) => {
        const lifted = liftSource(source, captured)
        if ('reason' in lifted || 'reason' in specialise(lifted.expression, [rowType])) return
        const fn = compile(source)
        const expected = input.map(row => fn(row))
        const ran = await run(input, using(captured as any, fn as any))
        if (!isDeepStrictEqual(ran.rows, expected)) throw new Error(source)
        seen.programs++
        if (ran.columnRows === 0) seen.rowLoop++
        else if (ran.calledValues > 0) seen.calls++
        else seen.kernels++
      },
    ),
    options(200) as fc.Parameters<[string, any[]]>,
  )
  console.log(JSON.stringify(seen))
  expect(seen.kernels).toBeGreaterThan(0)
})

test('results of random programs as keys, over many vectors', async () => {
  let kept = 0
  await fc.assert(
    fc.asyncProperty(
      programs,
      fc.array(rows, { minLength: 5, maxLength: 40 }),
      async (source, few) => {
        const lifted = liftSource(source, captured)
        const typed = 'reason' in lifted ? lifted : specialise(lifted.expression, [rowType])
        if ('reason' in typed || !/^(?:utf8|float64)$/.test(typed.type.kind)) return
        // Texts that differ by row, and that are too long for a view.
        const short = (text: string): string => text.slice(0, 30)
        const input = Array.from({ length: 9000 }, (_, i) => {
          const { p, list, s, t, ...more } = few[i % few.length]!
          const texts = { s: `${short(s)}${i % 700}`, t: `${i % 3} ${short(t)}` }
          return { ...texts, ...more, p: [short(p[0]), p[1]], list: list.map(short) }
        })
        const fn = using(captured as any, compile(source) as any) as any
        const results: unknown[] = []
        for (const gear of ['auto', 'row'] as const) {
          const build = (s: any) =>
            s
              .map(fn)
              .map((key: any) => [key, 1])
              .reduceByKey((a: number, b: number) => a + b, 3)
          results.push(await runStream({ input: [input], workers: 1, gear, build }))
        }
        if (!isDeepStrictEqual(results[0], results[1])) throw new Error(source)
        kept++
      },
    ),
    options(30) as fc.Parameters<[string, any[]]>,
  )
  expect(kept).toBeGreaterThan(0)
})

const factor = 3
function named(row: any): [string, number] {
  return [row.s.trim(), row.n * factor + 1]
}

describe('ways to write one function', () => {
  const input = Array.from({ length: 50 }, (_, i) => ({ s: ` w${i} `, n: i / 4 }))
  const ways: [string, any][] = [
    ['as usual', (row: any) => [row.s.trim(), row.n * factor + 1]],
    ['another parameter', ($: any) => [$.s.trim(), $.n * factor + 1]],
    ['parentheses', compile('row => ([((row).s).trim(), ((row.n * (3)) + (1))])') as any],
    [
      'a block',
      (row: any) => {
        return [row.s.trim(), row.n * factor + 1]
      },
    ],
    [
      'values with names',
      (row: any) => {
        const text = row.s.trim()
        const n = row.n * factor
        return [text, n + 1]
      },
    ],
    ['destructuring', ({ s, n }: any) => [s.trim(), n * factor + 1]],
    ['destructuring with names', ({ s: text, n: x }: any) => [text.trim(), x * factor + 1]],
    ['a default value', (row: any, step = 1) => [row.s.trim(), row.n * factor + step]] as any,
    ['a function expression', compile('function (row) { return [row.s.trim(), row.n * 3 + 1] }')],
    ['a named function', named],
    ['a helper', (row: any) => named(row)],
  ]
  test.each(ways)('%s', async (_, fn) => {
    const ran = await run(input, fn)
    expect(ran.rows).toEqual(input.map(row => named(row)))
    expect(ran).toMatchObject({ columnRows: 50, kernelValues: 150, calledValues: 0 })
  })

  test('and gear row calls it', async () => {
    const ran = await run(input, named, 'row')
    expect(ran).toMatchObject({ columnRows: 0, kernelValues: 0, calledValues: 0 })
  })
})
