/** Bytes filled and copied, against typed arrays. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { strings } from './arbitraries.ts'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

describe.each(places)('copies at $place', ({ base }) => {
  test('zeros, and bytes that overlap', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1 }),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        (bytes, a, b, c) => {
          memory.rewind(base)
          const n = bytes.length
          const at = memory.putBytes(bytes)
          const [to, from] = [a % n, b % n]
          const length = c % (n - Math.max(to, from) + 1)
          kernels.copyBytes(at + to, at + from, length)
          expect(memory.readU8(at, n)).toEqual([...bytes.copyWithin(to, from, from + length)])
          kernels.zeroBytes(at + from, length)
          expect(memory.readU8(at, n)).toEqual([...bytes.fill(0, from, from + length)])
          expect(memory.u8[at + n]).toBe(0xdb)
        },
      ),
    )
  })

  test('one view for all rows', () => {
    fc.assert(
      fc.property(strings, fc.nat(100), (text, n) => {
        memory.rewind(base)
        const out = memory.alloc(n * 16)
        kernels.fillViews(out, n, memory.putViews([text]))
        expect(memory.readViews(out, n)).toEqual(new Array(n).fill(text))
        expect(memory.u8[out + n * 16]).toBe(0xdb)
      }),
    )
  })

  test('long texts of one region copied, those of another left where they are', () => {
    fc.assert(
      fc.property(fc.array(strings), fc.array(strings), (inside, outside) => {
        memory.rewind(base)
        const low = memory.alloc(0)
        const first = memory.putViews(inside)
        const high = memory.alloc(0)
        const second = memory.putViews(outside)
        const n = inside.length + outside.length
        const views = memory.alloc(n * 16)
        memory.u8.copyWithin(views, first, first + inside.length * 16)
        const behind = views + inside.length * 16
        memory.u8.copyWithin(behind, second, second + outside.length * 16)
        const lengths = inside.map(text => Buffer.from(text).length)
        const sum = lengths.reduce((all, length) => all + (length > 12 ? length : 0), 0)
        expect(kernels.longBytesIn(views, n, low, high)).toBe(sum)
        const target = memory.alloc(sum)
        expect(kernels.copyLongIn(views, n, low, high, target)).toBe(sum)
        expect(memory.u8[target + sum]).toBe(0xdb)
        memory.u8.fill(0xee, low, high)
        expect(memory.readViews(views, n)).toEqual([...inside, ...outside])
      }),
    )
  })
})
