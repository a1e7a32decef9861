import { expect, test } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'
import { Block } from '../../src/columnar/block.ts'
import { BlockBuilder } from '../../src/columnar/builder.ts'
import { type RawColumn, reserveBlock } from '../../src/columnar/raw-block.ts'

const owner = 7
const text: RawColumn = { kind: 'utf8', ascii: true, wtf8: false, heapBytes: 0 }

/** Writes short ASCII strings as views. */
function writeViews(arena: Arena, address: number, strings: readonly string[]): void {
  strings.forEach((s, i) => {
    arena.u8.fill(0, address + i * 16, address + i * 16 + 16)
    arena.u32[(address + i * 16) / 4] = s.length
    arena.bytes.write(s, address + i * 16 + 4, 'latin1')
  })
}

test('a column of numbers', () => {
  const arena = Arena.create({ limitBytes: 2 ** 22, poison: true })
  const block = reserveBlock(arena, owner, 3, { kind: 'float64' })
  arena.f64.set([1, -0, Number.NaN], block.data[0]! / 8)
  expect(Array.from(Block.open(arena, block.ptr).decode(0, 3))).toEqual([1, -0, Number.NaN])
  arena.free(block.ptr)
  expect(arena.bytesInUse()).toBe(0)
})

test('pairs of text and numbers read like those of a builder', () => {
  const arena = Arena.create({ limitBytes: 2 ** 22, poison: true })
  const words = ['a', 'twelve bytes', '']
  const block = reserveBlock(arena, owner, 3, { kind: 'tuple', items: [text, { kind: 'float64' }] })
  writeViews(arena, block.data[0]!, words)
  arena.f64.set([1, 2, 3], block.data[1]! / 8)
  const builder = new BlockBuilder()
  words.forEach((word, i) => {
    builder.appendPair(word, i + 1)
  })
  const built = builder.seal(arena, owner)
  const [a, b] = [Block.open(arena, block.ptr), Block.open(arena, built.ptr)]
  expect(a.signature).toBe(b.signature)
  expect(Array.from(a.decode(0, 3))).toEqual(Array.from(b.decode(0, 3)))
})

test('objects read like those of a builder, whatever their keys', () => {
  const arena = Arena.create({ limitBytes: 2 ** 22, poison: true })
  const names = ['word', '', 'ünï 😀', '\ud800', 'five5', '__proto__']
  const row: RawColumn = {
    kind: 'struct',
    names,
    items: names.map(name => (name === 'word' ? text : { kind: 'float64' })),
  }
  const block = reserveBlock(arena, owner, 2, { kind: 'tuple', items: [{ kind: 'bool' }, row] })
  arena.u8[block.data[0]!] = 0b10
  writeViews(arena, block.data[1]!, ['a', 'b'])
  for (let i = 1; i < names.length; i++) arena.f64.set([i, -i], block.data[i + 1]! / 8)
  const builder = new BlockBuilder()
  for (const i of [0, 1]) {
    const values = names.map((name, at) => [name, at === 0 ? 'ab'[i] : i === 0 ? at : -at])
    builder.append([i === 1, Object.fromEntries(values)])
  }
  const built = builder.seal(arena, owner)
  const [a, b] = [Block.open(arena, block.ptr), Block.open(arena, built.ptr)]
  expect(a.signature).toBe(b.signature)
  expect(a.get(1)).toEqual(b.get(1))
  expect(Array.from(a.decode(0, 2))).toEqual(Array.from(b.decode(0, 2)))
})

test('long strings lie in the heap', () => {
  const arena = Arena.create({ limitBytes: 2 ** 22, poison: true })
  const long = 'more than twelve bytes'
  const block = reserveBlock(arena, owner, 1, { ...text, heapBytes: long.length })
  const [view, heap] = [block.data[0]! / 4, block.heap[0]!]
  arena.bytes.write(long, heap, 'latin1')
  arena.u32[view] = long.length
  arena.u8.copyWithin(block.data[0]! + 4, heap, heap + 4)
  arena.u32[view + 2] = heap
  arena.u32[view + 3] = 0
  expect(Block.open(arena, block.ptr).get(0)).toBe(long)
})
