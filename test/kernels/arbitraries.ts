/** Values in which the cases that kernels treat apart are frequent. */
import fc from 'fast-check'

/** Numbers: small integers, so that keys repeat, and all that is special about doubles. */
export const numbers = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -9, max: 9 }) },
  { weight: 2, arbitrary: fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, -1 / 0) },
  { weight: 2, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.maxSafeInteger() },
  { weight: 1, arbitrary: fc.integer() },
)

/** Strings of up to 12 bytes, longer ones, and ones that differ only late; lone surrogates too. */
export const strings = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: fc.constantFrom('a', 'b', 'A', ' '), maxLength: 4 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 40 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'exactly12byt',
      'thirteen byte',
      'thirteen bytf',
      'ä',
      '\ud800',
      '😀',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(69).map(n => `${'x'.repeat(n)}y${'x'.repeat(69 - n)}`),
  },
  { weight: 1, arbitrary: fc.integer({ min: 12, max: 40 }).map(n => 'z'.repeat(n)) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom('\ud83d', '\ude00', 'a'), maxLength: 9 }),
  },
)

export const asciiStrings = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'B', ' ', '\t', 'z', 'Z', '@', '['), maxLength: 30 }),
  fc.string({ unit: 'binary-ascii', maxLength: 40 }),
)
