/**
 * The expected hashes and numbers come from the native reference's generator (its files' first
 * thousandth); the whole files were compared byte for byte once. Can't catch: a difference that
 * starts later than the first thousandth.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DataFile, generate, generateBytes, keyOf, vocabulary } from '../../bench/generate.ts'
import { SplitMix64 } from '../../bench/splitmix.ts'

const MASK = (1n << 64n) - 1n

/** splitmix64 as it is usually written, in 64-bit arithmetic. */
function* reference(seed: bigint): Generator<bigint, never> {
  let state = seed
  for (;;) {
    state = (state + 0x9e3779b97f4a7c15n) & MASK
    let z = state
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK
    yield z ^ (z >> 31n)
  }
}

const seeds = fc.bigInt({ min: 0n, max: MASK })

describe('SplitMix64', () => {
  it('draws the same 64 bits as the 64-bit form', () => {
    fc.assert(
      fc.property(seeds, seed => {
        const random = new SplitMix64(seed)
        const expected = reference(seed)
        for (let i = 0; i < 20; i++) {
          random.next()
          expect((BigInt(random.high) << 32n) | BigInt(random.low)).toBe(expected.next().value)
        }
      }),
    )
  })

  it('scales a draw to [0, n) and to [0, 1) as the 64-bit form does', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 2 ** 32 - 1 }), (seed, n) => {
        const random = new SplitMix64(seed)
        const expected = reference(seed)
        for (let i = 0; i < 10; i++) {
          expect(random.below(n)).toBe(Number((expected.next().value * BigInt(n)) >> 64n))
          expect(random.unit()).toBe(Number(expected.next().value >> 11n) / 2 ** 53)
        }
      }),
    )
  })
})

function bytesOf(file: DataFile, scale: number): Buffer {
  const pieces: Buffer[] = []
  generateBytes(file, scale, bytes => pieces.push(Buffer.from(bytes)))
  return Buffer.concat(pieces)
}

const numbersOf = (bytes: Buffer): number[] =>
  Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(i * 8))

describe('generated data', () => {
  it.each<[DataFile, string]>([
    ['w1.txt', 'faa179be0e44146c8c93d525e402710c54ef1009c16f598bdf019f288dcefcfd'],
    ['w2_keys.f64', 'd0d95708459884994465172b0032ae2f8793934fc9f6b7d12cc5293ce81d1321'],
    ['w2_vals.f64', '4bfbdbcb1e8893c87df143185e1aa86cd08312b7ca6a023cd868648bcf3ac1e1'],
    ['w3_keys.f64', '9be5a078707da2f1e0faf0fd0870c8dbcbea67e8e7a035e65dbe3c1fd51e117b'],
    ['w6.f64', '89b5adbe0129f41dc72b5a4fd0f6bd91c2d63e8b34b88f1459642ffc379888ec'],
  ])('%s begins with the bytes of the native generator', (file, sha256) => {
    expect(createHash('sha256').update(bytesOf(file, 0.001)).digest('hex')).toBe(sha256)
  })

  it('shows where it differs: the first values of every file', () => {
    expect(bytesOf('w1.txt', 0.0001).toString().split('\n')[0]).toBe(
      'avrow crybpq crybpq mzyztwvluz zosqp avfskimqix fmnnrfc rfveetd ofi ibtolhpvx',
    )
    expect(numbersOf(bytesOf('w2_keys.f64', 0.0001)).slice(0, 3)).toEqual([
      8372095004989100, 5563521581520781, 7372851236504253,
    ])
    expect(numbersOf(bytesOf('w2_vals.f64', 0.0001)).slice(0, 3)).toEqual([
      0.040698548833923875, 0.5860184541906757, 0.888066102479515,
    ])
    const numbers = numbersOf(bytesOf('w6.f64', 0.001))
    expect(numbers.slice(0, 3)).toEqual([920018865, 225744895, 333137024])
    expect(numbers.reduce((sum, x) => sum + x, 0)).toBe(4982045852895)
  })

  it('has distinct words of 3 to 10 letters, and keys that are exact as numbers', () => {
    const words = vocabulary()
    expect(new Set(words).size).toBe(100_000)
    expect(words.filter(word => !/^[a-z]{3,10}$/.test(word))).toEqual([])
    const keys = Array.from({ length: 10_000 }, (_, id) => keyOf(id))
    expect(new Set(keys).size).toBe(10_000)
    expect(keys.every(Number.isSafeInteger)).toBe(true)
  })

  it('keeps the beginning when the scale changes', () => {
    const large = bytesOf('w1.txt', 0.001)
    const small = bytesOf('w1.txt', 0.0001)
    expect(small.equals(large.subarray(0, small.length))).toBe(true)
    expect(small.toString().match(/\n/g)).toHaveLength(100)
  })

  it('is written whole under its name, with nothing left beside it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pelton-bench-'))
    try {
      generate('w6.f64', join(folder, 'new'), { scale: 0.0001 })
      expect(readdirSync(join(folder, 'new'))).toEqual(['w6.f64'])
      expect(readFileSync(join(folder, 'new', 'w6.f64'))).toEqual(bytesOf('w6.f64', 0.0001))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
