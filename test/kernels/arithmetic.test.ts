/** Numeric kernels against JavaScript's operators and Math, bit for bit but for NaN's payload. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

/** Numbers at the edges of integers, of 32 and 52 bits, and of rounding. */
const values = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.integer({ min: -40, max: 40 }).map(n => n / 4),
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ min: -1e20, max: 1e20 }),
  fc
    .tuple(fc.constantFrom(31, 32, 51, 52, 53, 63, 64, 83, 84), fc.integer({ min: -3, max: 3 }))
    .map(([power, n]) => 2 ** power + n),
  fc.constantFrom(-0, 0, 0.5, -0.5, 0.49999999999999994, Number.NaN, 1 / 0, -1 / 0, 5e-324, 1e308),
)
const pairs = fc.array(fc.tuple(values, values))

type Binary = (a: number, b: number) => number
const binary: Record<string, Binary> = {
  addF64: (a, b) => a + b,
  subF64: (a, b) => a - b,
  mulF64: (a, b) => a * b,
  divF64: (a, b) => a / b,
  remF64: (a, b) => a % b,
  minF64: Math.min,
  maxF64: Math.max,
  andInt32: (a, b) => a & b,
  orInt32: (a, b) => a | b,
  xorInt32: (a, b) => a ^ b,
  shlInt32: (a, b) => a << b,
  shrInt32: (a, b) => a >> b,
  shrUint32: (a, b) => a >>> b,
}
const unary: Record<string, (a: number) => number> = {
  negF64: a => -a,
  absF64: Math.abs,
  sqrtF64: Math.sqrt,
  floorF64: Math.floor,
  ceilF64: Math.ceil,
  truncF64: Math.trunc,
  roundF64: Math.round,
  signF64: Math.sign,
}
const comparisons: Record<string, (a: number, b: number) => boolean> = {
  ltF64: (a, b) => a < b,
  leF64: (a, b) => a <= b,
  eqF64: (a, b) => a === b,
  gtF64: (a, b) => a > b,
  geF64: (a, b) => a >= b,
}
const kernel = (name: string): ((...args: number[]) => void) | undefined =>
  (kernels as unknown as Record<string, (...args: number[]) => void>)[name]

describe.each(places)('numbers at $place', ({ base }) => {
  test.each(Object.entries(binary))('%s', (name, operator) => {
    fc.assert(
      fc.property(pairs, values, (rows, k) => {
        memory.rewind(base)
        const n = rows.length
        const [as, bs] = [rows.map(row => row[0]), rows.map(row => row[1])]
        const [a, b, out] = [memory.putF64(as), memory.putF64(bs), memory.alloc(n * 8)]
        kernel(name)!(a, b, n, out)
        expect(memory.readF64(out, n)).toEqual(rows.map(row => operator(...row)))
        expect(memory.u32[out / 4 + 2 * n]).toBe(0xdbdbdbdb)
        // A bitwise kernel's constant is an integer already.
        const constant = name.endsWith('Int32') || name.endsWith('Uint32') ? k | 0 : k
        kernel(`${name}By`)!(a, constant, n, out)
        expect(memory.readF64(out, n)).toEqual(as.map(each => operator(each, constant)))
        kernel(`${name}From`)?.(k, b, n, out)
        if (kernel(`${name}From`)) {
          expect(memory.readF64(out, n)).toEqual(bs.map(each => operator(k, each)))
        }
      }),
      { numRuns: 300 },
    )
  })

  test.each(Object.entries(unary))('%s', (name, operator) => {
    fc.assert(
      fc.property(fc.array(values), as => {
        memory.rewind(base)
        const out = memory.alloc(as.length * 8)
        kernel(name)!(memory.putF64(as), as.length, out)
        expect(memory.readF64(out, as.length)).toEqual(as.map(operator))
        expect(memory.u32[out / 4 + 2 * as.length]).toBe(0xdbdbdbdb)
      }),
    )
  })

  test.each(Object.entries(comparisons))('%s', (name, operator) => {
    fc.assert(
      fc.property(pairs, values, (rows, k) => {
        memory.rewind(base)
        const n = rows.length
        const [as, bs] = [rows.map(row => row[0]), rows.map(row => row[1])]
        const [a, b, out] = [memory.putF64(as), memory.putF64(bs), memory.alloc(n)]
        kernel(name)?.(a, b, n, out)
        if (kernel(name)) {
          expect(memory.readU8(out, n)).toEqual(rows.map(row => Number(operator(...row))))
        }
        kernel(`${name}By`)!(a, k, n, out)
        expect(memory.readU8(out, n)).toEqual(as.map(each => Number(operator(each, k))))
        expect(memory.u8[out + n]).toBe(0xdb)
      }),
    )
  })
})

test('all three forms where order matters', () => {
  for (const name of ['subF64', 'divF64', 'remF64']) expect(kernel(`${name}From`)).toBeDefined()
})

test('remainders of a million random numbers', () => {
  memory.rewind(65_536)
  const n = 1000
  const [a, b, out] = [memory.alloc(n * 8), memory.alloc(n * 8), memory.alloc(n * 8)]
  // Exponents up to 2^60 apart, digits at random, from a fixed sequence.
  let state = 1n
  const next = (): bigint => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
    return state >> 11n
  }
  for (let round = 0; round < 1000; round++) {
    for (let i = 0; i < n; i++) {
      memory.f64[a / 8 + i] = Number(next()) * 2 ** -Number(next() % 60n)
      memory.f64[b / 8 + i] = Number(next()) * 2 ** -Number(next() % 60n)
    }
    kernels.remF64(a, b, n, out)
    for (let i = 0; i < n; i++) {
      const expected = memory.f64[a / 8 + i]! % memory.f64[b / 8 + i]!
      if (!Object.is(memory.f64[out / 8 + i], expected)) {
        throw new Error(`${memory.f64[a / 8 + i]} % ${memory.f64[b / 8 + i]}`)
      }
    }
  }
})

test('remainders by a constant, at and beside its multiples', () => {
  const whole = fc.maxSafeInteger().map(Math.abs)
  fc.assert(
    fc.property(
      fc.oneof(whole, fc.integer({ min: 0, max: 1000 })),
      fc.array(fc.tuple(whole, fc.integer({ min: -1, max: 1 })), { minLength: 2, maxLength: 40 }),
      (divisor, rows) => {
        memory.rewind(65_536)
        const values = rows.map(([seed, beside]) => {
          const most = Math.floor(2 ** 53 / Math.max(1, divisor))
          return (seed % (most + 1)) * divisor + beside
        })
        const n = values.length
        const out = memory.alloc(n * 8)
        kernels.remF64By(memory.putF64(values), divisor, n, out)
        expect(memory.readF64(out, n)).toEqual(values.map(value => value % divisor))
      },
    ),
    { numRuns: 2000 },
  )
})
