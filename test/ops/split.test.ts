/** Side outputs: every row goes to exactly one of them. */
import fc from 'fast-check'
import type { DStream } from 'pelton'
import { runStream } from 'pelton/testing'
import { expect, test } from 'vitest'

const outputs = {
  even: (x: number) => x % 2 === 0,
  large: (x: number) => x > 10,
  odd: (x: number) => x < 5,
}
type Name = keyof typeof outputs | 'rest'

const rowsOf = (input: number[][], name: Name): Promise<unknown[][]> =>
  runStream({ input, build: (stream: DStream<number>) => stream.split(outputs)[name] })

test('a row goes to the first output that takes it, or to the rest', async () => {
  const rows = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(fc.array(rows, { minLength: 1, maxLength: 3 }), async input => {
      const names: Name[] = ['even', 'large', 'odd', 'rest']
      const first = (x: number): Name =>
        names.find(name => name === 'rest' || outputs[name](x)) as Name
      for (const name of names) {
        expect(await rowsOf(input, name)).toEqual(
          input.map(batch => batch.filter(x => first(x) === name)),
        )
      }
    }),
    { numRuns: 20 },
  )
})

test('outputs can be put together again', async () => {
  const build = (stream: DStream<number>) => {
    const { even, large, odd, rest } = stream.split(outputs)
    return even
      .union(large)
      .union(odd)
      .union(rest)
      .sortBy(x => x)
  }
  expect(await runStream({ input: [[7, 2, 13, 1]], build })).toEqual([[1, 2, 7, 13]])
})

test('functions may capture what they need', async () => {
  const known = new Set(['a'])
  const build = (stream: DStream<string>) => stream.split({ known: w => known.has(w) }).rest
  expect(await runStream({ input: [['a', 'b']], build })).toEqual([['b']])
})

test.each([[{}], [undefined], [{ rest: () => true }]])('outputs %j are refused', async given => {
  const build = (stream: DStream<number>) => stream.split(given as never).rest as DStream<number>
  await expect(runStream({ input: [[1]], build })).rejects.toThrow(/split: the outputs are named/)
})
