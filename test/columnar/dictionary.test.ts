/** A dictionary against a Map; that its memory is given back; columns by id. */
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { buildKernels } from '../../scripts/build-kernels.ts'
import { Arena } from '../../src/columnar/arena.ts'
import { Block, type Utf8Column } from '../../src/columnar/block.ts'
import { BlockBuilder } from '../../src/columnar/builder.ts'
import { decodeViews } from '../../src/columnar/decode.ts'
import { Dictionary, IdColumn } from '../../src/columnar/dictionary.ts'
import { IdGroupMemory, IdGroups } from '../../src/columnar/id-groups.ts'
import { openKernels } from '../../src/columnar/kernels.ts'
import { strings } from '../kernels/arbitraries.ts'

buildKernels()
const owner = 5
const arena = Arena.create({ limitBytes: 2 ** 28, poison: true })
const kernels = openKernels(arena.handle().memory)
const ids = arena.alloc(4096 * 4, owner)
const before = arena.bytesInUse()

afterAll(() => expect(arena.bytesInUse()).toBe(before))

/** Adds texts as a block that is gone afterwards; their ids. */
function addTexts(dictionary: Dictionary, texts: readonly string[]): number[] {
  const builder = new BlockBuilder()
  for (const text of texts) builder.append(text)
  const { ptr } = builder.seal(arena, owner)
  const { dataAddress } = Block.open(arena, ptr).root as Utf8Column
  dictionary.add(dataAddress, texts.length, ids)
  arena.free(ptr)
  return [...arena.u32.subarray(ids / 4, ids / 4 + texts.length)]
}

describe('texts', () => {
  test('keep their ids while others come, and outlive their blocks', () => {
    const dictionary = new Dictionary(arena, kernels, owner, 'utf8')
    const vectors = fc.array(fc.array(strings, { minLength: 1, maxLength: 40 }), { maxLength: 4 })
    fc.assert(
      fc.property(vectors, all => {
        const known = new Map<string, number>()
        for (const texts of all) {
          for (const text of texts) if (!known.has(text)) known.set(text, known.size)
          expect(addTexts(dictionary, texts)).toEqual(texts.map(text => known.get(text)))
        }
        expect(dictionary.count).toBe(known.size)
        const found = decodeViews(arena, kernels, dictionary.at, dictionary.count)
        expect([...Array.from(found)]).toEqual([...known.keys()])
        dictionary.close()
        expect(arena.bytesInUse()).toBe(before)
      }),
    )
  })

  test('grow beyond the first table', () => {
    const dictionary = new Dictionary(arena, kernels, owner, 'utf8')
    const { epoch } = dictionary
    const word = (i: number): string => (i % 3 === 0 ? `a long word of ${i}` : `w${i}`)
    for (let from = 0; from < 40_000; from += 4000) {
      const texts = Array.from({ length: 4000 }, (_, i) => word(from + i))
      expect(addTexts(dictionary, texts)).toEqual(texts.map((_, i) => from + i))
    }
    expect(addTexts(dictionary, [word(17), word(39_999), word(0)])).toEqual([17, 39_999, 0])
    expect(dictionary.bytes).toBeGreaterThan(40_000 * 16)
    expect(dictionary.epoch).toBe(epoch)
    dictionary.close()
    expect(dictionary.epoch).toBe(epoch + 1)
    expect(dictionary.bytes).toBe(0)
    expect(addTexts(dictionary, [word(17)])).toEqual([0])
    dictionary.close()
  })
})

test('groups of ids are numbered as they appear, whatever the dictionary has seen', () => {
  const dictionary = new Dictionary(arena, kernels, owner, 'utf8')
  const memory = new IdGroupMemory(arena, kernels, owner)
  const groups = new IdGroups(memory, dictionary)
  const gids = arena.alloc(4096 * 4, owner)
  const partition = fc.array(fc.array(strings, { minLength: 1, maxLength: 30 }), { maxLength: 3 })
  fc.assert(
    fc.property(partition, fc.nat(9), (vectors, initial) => {
      groups.begin(['utf8'], initial)
      const known = new Map<string, number>()
      for (const texts of vectors) {
        addTexts(dictionary, texts)
        const before = known.size
        for (const text of texts) if (!known.has(text)) known.set(text, known.size)
        expect(groups.group([ids], texts.length, gids)).toBe(before)
        const found = [...arena.u32.subarray(gids / 4, gids / 4 + texts.length)]
        expect(found).toEqual(texts.map(text => known.get(text)))
      }
      expect(groups.count).toBe(known.size)
      const [keys] = groups.keys as [number]
      const decoded = Array.from(decodeViews(arena, kernels, keys, groups.count))
      expect(decoded).toEqual([...known.keys()])
      const numbers = arena.f64.subarray(groups.numbers / 8, groups.numbers / 8 + groups.count)
      expect([...numbers]).toEqual(decoded.map(() => initial))
    }),
  )
  for (const part of [dictionary, memory]) part.close()
  arena.free(gids)
})

test('a column by id is zero where nothing is known, and keeps what is', () => {
  const column = new IdColumn(arena, kernels, owner, 4)
  column.ensure(10)
  expect([...arena.u32.subarray(column.at / 4, column.at / 4 + 10)]).toEqual(Array(10).fill(0))
  arena.u32[column.at / 4 + 9] = 99
  column.ensure(100_000)
  const all = arena.u32.subarray(column.at / 4, column.at / 4 + 100_000)
  expect(all[9]).toBe(99)
  expect(all.filter(n => n !== 0)).toHaveLength(1)
  column.clear()
  expect(arena.u32[column.at / 4 + 9]).toBe(0)
  column.close()
  expect(column.bytes).toBe(0)
})
