/** Numbers read from text and written as text, against `Number`, `parseFloat` and `parseInt`. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numbers, strings } from './arbitraries.ts'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 9 })
const decimals = fc
  .tuple(fc.constantFrom('', '-'), digits, fc.constantFrom('', '.'), digits)
  .map(parts => parts.join(''))
/** 16 and 17 digits: a quotient would round twice. */
const long = fc
  .tuple(fc.integer({ min: 1e8, max: 1e9 - 1 }), fc.integer({ min: 1e6, max: 1e8 - 1 }))
  .map(([whole, fraction]) => `${whole}.${fraction}`)
const texts = fc.oneof(
  { weight: 2, arbitrary: long },
  { weight: 4, arbitrary: decimals },
  { weight: 2, arbitrary: fc.double().map(String) },
  { weight: 2, arbitrary: fc.integer().map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ' 1',
      '1 ',
      '+1',
      '1e5',
      '0x10',
      '1_0',
      'NaN',
      '.5',
      '5.',
      '-',
      '.',
    ),
  },
  { weight: 1, arbitrary: strings },
)

describe.each(places)('numbers from text at $place', ({ base }) => {
  test('sure rows are right in all three ways of reading', () => {
    fc.assert(
      fc.property(fc.array(texts), column => {
        memory.rewind(base)
        const n = column.length
        const [out, mask] = [memory.alloc(n * 8), memory.alloc(n)]
        const left = kernels.parseNumbers(memory.putViews(column), n, out, mask)
        const unsure = memory.readU8(mask, n)
        expect(left).toBe(unsure.filter(bit => bit === 1).length)
        memory.readF64(out, n).forEach((value, i) => {
          const text = column[i]!
          if (unsure[i] === 1) {
            expect(value).toBeNaN()
            return
          }
          expect(value).toBe(Number(text))
          expect(value).toBe(Number.parseFloat(text))
          expect(Math.trunc(value)).toBe(Number.parseInt(text, 10))
        })
      }),
      { numRuns: 300 },
    )
  })

  test('plain decimals are sure', () => {
    memory.rewind(base)
    const column = ['0', '-0', '007', '1', '-1.5', '999999999999999', '-0.00000000000001', '12.50']
    const [out, mask] = [memory.alloc(column.length * 8), memory.alloc(column.length)]
    expect(kernels.parseNumbers(memory.putViews(column), column.length, out, mask)).toBe(0)
    expect(memory.readF64(out, column.length)).toEqual(column.map(Number))
  })
})

describe.each(places)('text from numbers at $place', ({ base }) => {
  const values = fc.oneof(
    numbers,
    fc.integer({ min: -99_999_999_999, max: 99_999_999_999 }),
    fc.constantFrom(99_999_999_999, -99_999_999_999, 1e11, -1e11, 0.5, 10, 100, 1e10),
  )
  test('short integers, and the rest is for JavaScript', () => {
    fc.assert(
      fc.property(fc.array(values), column => {
        memory.rewind(base)
        const n = column.length
        const [at, out, mask] = [memory.putF64(column), memory.alloc(n * 16), memory.alloc(n)]
        const left = kernels.formatNumbers(at, n, out, mask)
        const isPlain = (x: number): boolean => Number.isInteger(x) && Math.abs(x) < 1e11
        expect(memory.readViews(out, n)).toEqual(column.map(x => (isPlain(x) ? String(x) : '')))
        expect(memory.readU8(mask, n)).toEqual(column.map(x => Number(!isPlain(x))))
        expect(left).toBe(column.filter(x => !isPlain(x)).length)
        expect(memory.u8[mask + n]).toBe(0xdb)
      }),
      { numRuns: 300 },
    )
  })
})
