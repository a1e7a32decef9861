/** The program's own collections as partitions. */
import { describe, expect, test } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'
import { Block } from '../../src/columnar/block.ts'
import {
  type Collection,
  checkCollection,
  parallelize,
  sliceBounds,
} from '../../src/engine/collection.ts'
import { vectorsOf } from '../../src/engine/vector.ts'

class Unfit {}

/** Rows by partition; checks that the memory comes back. */
function partitionsOf(data: Collection<unknown>, partitions: number): unknown[][] {
  const arena = Arena.create({ limitBytes: 16 * 1024 * 1024, poison: true })
  const dataset = parallelize(arena, data, partitions)
  const rows = dataset.partitions.map(pieces =>
    pieces.flatMap(piece =>
      piece.kind === 'block'
        ? Array.from(Block.open(arena, piece.ptr).decode(piece.from, piece.to))
        : [...vectorsOf(arena, piece)].flatMap(vector => Array.from(vector.values!)),
    ),
  )
  dataset.release()
  expect(arena.bytesInUse()).toBe(0)
  return rows
}

describe('parallelize', () => {
  test.each([
    [0, 3],
    [1, 3],
    [3, 3],
    [7, 3],
    [100, 7],
    [5, 16],
  ])('%d rows in %d slices, as Spark cuts them', (rows, partitions) => {
    const data = Array.from({ length: rows }, (_, i) => `row ${i}`)
    const expected = Array.from({ length: partitions }, (_, j) =>
      data.slice(Math.floor((j * rows) / partitions), Math.floor(((j + 1) * rows) / partitions)),
    )
    expect(partitionsOf(data, partitions)).toEqual(expected)
    expect(sliceBounds(rows, partitions).at(-1)).toBe(rows)
  })

  test('numbers and pairs of numbers', () => {
    const numbers = Float64Array.from([1, -0, Number.NaN, 4])
    expect(partitionsOf(numbers, 2)).toEqual([
      [1, -0],
      [Number.NaN, 4],
    ])
    const pairs = [Float64Array.of(1, 2, 3), Float64Array.of(10, 20, 30)] as const
    expect(partitionsOf({ pairs }, 2)).toEqual([
      [[1, 10]],
      [
        [2, 20],
        [3, 30],
      ],
    ])
  })

  test('text is cut between lines', () => {
    const text = 'a\nbb\n\né long line here\nlast'
    for (let partitions = 1; partitions < 30; partitions++) {
      const rows = partitionsOf({ text: Buffer.from(text) }, partitions)
      expect(rows).toHaveLength(partitions)
      expect(rows.flat()).toEqual(text.split('\n'))
    }
    expect(partitionsOf({ text: Buffer.alloc(0) }, 2)).toEqual([[], []])
  })

  test('leaves nothing behind when a row is no data, or when there is no room', () => {
    const arena = Arena.create({ limitBytes: 1024 * 1024 })
    const rows = Array.from({ length: 1000 }, (_, i): unknown => i)
    expect(() => parallelize(arena, [...rows, new Unfit()], 4)).toThrow(/class Unfit/)
    expect(() => parallelize(arena, new Float64Array(200_000), 4)).toThrow(/arena is full/)
    expect(() => parallelize(arena, { text: Buffer.alloc(2e6, 'x\n') }, 4)).toThrow(/is full/)
    expect(arena.bytesInUse()).toBe(0)
  })
})

describe('checkCollection', () => {
  test.each([
    ['a string', 'abc', /parallelize needs an array .*got "abc".*\[\.\.\.rows\]/],
    ['an iterable', new Set([1]), /needs an array/],
    ['nothing', undefined, /got undefined/],
    ['text that is no bytes', { text: 'a\n' }, /needs bytes as its text, .*got "a\\n"/],
    ['one column', { pairs: [new Float64Array(1)] }, /needs two Float64Arrays/],
    ['columns of arrays', { pairs: [[1], [2]] }, /needs two Float64Arrays/],
    [
      'columns of two lengths',
      { pairs: [new Float64Array(1), new Float64Array(2)] },
      /as many keys as values; got 1 keys and 2 values/,
    ],
  ])('%s is refused', (_, data, message) => {
    expect(() => checkCollection(data, 'parallelize')).toThrow(message)
  })

  test('accepts what parallelize takes', () => {
    for (const data of [[], new Float64Array(2), { text: Buffer.alloc(0) }]) {
      expect(() => checkCollection(data, 'parallelize')).not.toThrow()
    }
    const pairs = [new Float64Array(2), new Float64Array(2)]
    expect(() => checkCollection({ pairs }, 'parallelize')).not.toThrow()
  })
})
