// Blocks in the real arena: balance, and addresses past 2 GiB, where signed arithmetic would fail.
import { expect, test } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'
import { Block } from '../../src/columnar/block.ts'
import { BlockBuilder } from '../../src/columnar/builder.ts'
import { difference } from './same.ts'

const rows = [
  ['a', { list: [1, 2], text: 'a string of more than twelve bytes' }],
  ['wide ü and longer', { list: [-0], text: '\ud800 alone, and long enough' }],
  [null, { text: 'short', list: [] }],
  [undefined, null],
]

test('sealing and freeing leaves the arena as it was', () => {
  const arena = Arena.create({ limitBytes: 16 * 2 ** 20, poison: true })
  const before = arena.bytesInUse()
  const builder = new BlockBuilder()
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < round * 50; i++) builder.append(rows[i % rows.length])
    const ref = builder.seal(arena, 3)
    expect(arena.bytesInUse()).toBeGreaterThanOrEqual(before + ref.bytes)
    expect(Block.open(arena, ref.ptr).rows).toBe(round * 50)
    arena.free(ref.ptr)
  }
  expect(arena.bytesInUse()).toBe(before)
})

test('blocks past 2 GiB read as others do', context => {
  const arena = Arena.create({ limitBytes: 4 * 2 ** 30 })
  if (arena.limitBytes < 3 * 2 ** 30) context.skip('the address space is too small here')
  // Never touched, so it costs address space only.
  const low = arena.alloc(2.2 * 2 ** 30, 1)
  const builder = new BlockBuilder()
  for (const row of rows) builder.append(row)
  for (let i = 0; i < 5000; i++)
    builder.append([`word ${i}`, { list: [i], text: `${'x'.repeat(20)}${i}` }])
  const ref = builder.seal(arena, 1)
  expect(ref.ptr).toBeGreaterThan(2 ** 31)
  const block = Block.open(arena, ref.ptr)
  expect(difference(Array.from(block.decode(0, 4)), rows)).toBe(null)
  expect(difference(block.get(3), rows[3])).toBe(null)
  expect(block.decode(5003, 5004)[0]).toEqual([
    'word 4999',
    { list: [4999], text: `${'x'.repeat(20)}4999` },
  ])
  arena.free(ref.ptr)
  for (const number of [1, 2]) {
    builder.append(number)
    builder.append(new Map([[number, 'any']]))
    builder.append('\ud800')
    const any = builder.seal(arena, 1)
    expect(any.ptr).toBeGreaterThan(2 ** 31)
    expect(Block.open(arena, any.ptr).get(1)).toEqual(new Map([[number, 'any']]))
    arena.free(any.ptr)
  }
  arena.free(low)
  expect(arena.bytesInUse()).toBe(0)
})
