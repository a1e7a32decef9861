import { expect, it } from 'vitest'
import { percentile } from '../../bench/streams.ts'

it('takes the least value that so many do not exceed', () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i)
  expect(percentile(values, 0.99)).toBe(198)
  expect(percentile(values, 1)).toBe(200)
  expect(percentile([7], 0.99)).toBe(7)
})
