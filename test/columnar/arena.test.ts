// One thread: against a model, at the limits, and misused. What threads do to each other is in
// arena-steps.test.ts (every point where one can be killed or interrupted) and
// arena-threads.test.ts (real threads).
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'
import { hasTag, SIZES, writeTag } from './fixtures/arena-tags.ts'

const CELL = 2048
const PAGE = 65_536
const MIB = 2 ** 20

interface Model {
  readonly arena: Arena
  readonly chunks: { address: number; bytes: number; owner: number; tag: number }[]
  tag: number
}

type Operation =
  | { kind: 'alloc'; bytes: number; owner: number }
  | { kind: 'free'; pick: number }
  | { kind: 'find'; pick: number }
  | { kind: 'pass'; pick: number; owner: number }
  | { kind: 'reap'; owner: number }

const owners = fc.integer({ min: 1, max: 4 })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('alloc' as const),
      bytes: fc.oneof(fc.constantFrom(...SIZES), fc.integer({ min: 0, max: 40_000 })),
      owner: owners,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('free' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('find' as const), pick: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), pick: fc.nat(), owner: owners }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reap' as const), owner: owners }) },
)

const rounded = (bytes: number): number =>
  bytes <= 32_768 ? Math.max(Math.ceil(bytes / CELL), 1) * CELL : Math.ceil(bytes / PAGE) * PAGE
const sum = (model: Model, owner?: number): number =>
  model.chunks.reduce((n, c) => n + (owner === undefined || c.owner === owner ? c.bytes : 0), 0)

function apply(model: Model, op: Operation): void {
  const { arena, chunks } = model
  if (op.kind === 'alloc') {
    allocate(model, op.bytes, op.owner)
    return
  }
  if (op.kind === 'reap') {
    const mine = chunks.filter(chunk => chunk.owner === op.owner)
    expect(arena.reap(op.owner)).toBe(sum(model, op.owner))
    for (const chunk of mine) chunks.splice(chunks.indexOf(chunk), 1)
    return
  }
  if (chunks.length === 0) return
  const at = op.pick % chunks.length
  const chunk = chunks[at]!
  if (op.kind === 'free') {
    expect(hasTag(arena, chunk.address, chunk.tag)).toBe(true)
    arena.free(chunk.address)
    chunks.splice(at, 1)
  } else if (op.kind === 'find') {
    expect(arena.chunkOf(chunk.address + (op.pick % chunk.bytes))).toBe(chunk.address)
  } else {
    arena.setOwner(chunk.address, op.owner)
    chunk.owner = op.owner
  }
}

function allocate(model: Model, bytes: number, owner: number): void {
  const { arena, chunks } = model
  const size = rounded(bytes)
  if (sum(model) + size > arena.limitBytes) {
    expect(() => arena.alloc(bytes, owner)).toThrow(/^The arena is full/)
    return
  }
  const address = arena.alloc(bytes, owner)
  expect(address % CELL).toBe(0)
  expect(address).toBeGreaterThan(0)
  expect(arena.sizeOf(address)).toBe(size)
  for (const c of chunks) {
    expect(address + size <= c.address || c.address + c.bytes <= address).toBe(true)
  }
  const tag = ++model.tag
  writeTag(arena, address, tag)
  chunks.push({ address, bytes: size, owner, tag })
}

function check(model: Model): void {
  const { arena, chunks } = model
  expect(arena.bytesInUse()).toBe(sum(model))
  for (let owner = 1; owner <= 4; owner++) expect(arena.ownedBy(owner)).toBe(sum(model, owner))
  for (const { address, owner, tag } of chunks) {
    expect(arena.ownerOf(address)).toBe(owner)
    expect(hasTag(arena, address, tag)).toBe(true)
  }
}

describe('arena against a model', () => {
  it('keeps sizes, owners, contents and accounts through random operations', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 150 }), fc.boolean(), (ops, poison) => {
        const arena = Arena.create({ limitBytes: 16 * MIB, poison })
        const model: Model = { arena, chunks: [], tag: 0 }
        for (const op of ops) apply(model, op)
        check(model)
        expect(arena.reconcile()).toBe(0)
        check(model)
        for (const { address } of model.chunks.splice(0)) arena.free(address)
        expect(arena.bytesInUse()).toBe(0)
        expect(arena.pagesTaken()).toBeLessThanOrEqual(8)
        expect(arena.reconcile()).toBe(0)
        expect(arena.pagesTaken()).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})

describe('arena limits', () => {
  it('names what was asked, what is in use, the limit and the remedy', () => {
    const arena = Arena.create({ limitBytes: 3 * PAGE })
    const first = arena.alloc(2 * PAGE, 5)
    expect(() => arena.alloc(2 * PAGE, 6)).toThrow(
      'The arena is full: 131072 bytes asked for owner 6, 131072 of 196608 bytes in use; ' +
        'raise the memory option',
    )
    expect(arena.bytesInUse()).toBe(2 * PAGE)
    const second = arena.alloc(PAGE, 6)
    expect(() => arena.alloc(1, 6)).toThrow(expect.objectContaining({ code: 'ARENA_FULL' }))
    arena.free(first)
    arena.free(second)
    expect(arena.bytesInUse()).toBe(0)
    expect(arena.peakBytes()).toBe(3 * PAGE)
    expect(arena.alloc(3 * PAGE, 1)).toBeGreaterThan(0)
  })

  it('uses every page of a small reservation, and says when only fragments are left', () => {
    const arena = Arena.create({ reserveBytes: 64 * PAGE, limitBytes: 64 * PAGE })
    const pages = arena.limitBytes / PAGE
    const all = Array.from({ length: pages }, () => arena.alloc(PAGE, 1))
    expect(new Set(all).size).toBe(pages)
    expect(arena.bytesInUse()).toBe(arena.limitBytes)
    for (const address of all) if ((address / PAGE) % 2 === 0) arena.free(address)
    expect(() => arena.alloc(2 * PAGE, 1)).toThrow(/no free run is long enough/)
    const inUse = arena.bytesInUse()
    for (const address of all) if ((address / PAGE) % 2 === 1) arena.free(address)
    expect(inUse).toBeLessThan(arena.limitBytes)
    expect(arena.bytesInUse()).toBe(0)
    expect(arena.alloc(40 * PAGE, 1)).toBeGreaterThan(0)
  })

  it('gives spare cell pages back when pages run out', () => {
    const arena = Arena.create({ reserveBytes: 64 * PAGE, limitBytes: 64 * PAGE })
    const small = Array.from({ length: 32 * 4 }, () => arena.alloc(1, 1))
    for (const address of small) arena.free(address)
    expect(arena.pagesTaken()).toBeGreaterThan(0)
    expect(arena.alloc(arena.limitBytes, 1)).toBeGreaterThan(0)
  })

  it('reaches addresses past 2 GiB', () => {
    const arena = Arena.create({ limitBytes: 2 ** 32, reserveBytes: 2 ** 32 })
    if (arena.limitBytes < 3 * 2 ** 30) return
    const low = arena.alloc(2 ** 31, 1)
    const high = arena.alloc(2 ** 30, 2)
    const small = arena.alloc(100, 3)
    expect(high).toBeGreaterThanOrEqual(2 ** 31)
    writeTag(arena, high, 77)
    expect(hasTag(arena, high, 77)).toBe(true)
    expect(arena.chunkOf(high + 2 ** 30 - 1)).toBe(high)
    expect(arena.chunkOf(low + 2 ** 31 - 1)).toBe(low)
    for (const address of [low, high, small]) arena.free(address)
    expect(arena.bytesInUse()).toBe(0)
  })

  it.each([
    [{ limitBytes: 0 }, /limitBytes is 0; give an integer from 2048/],
    [{ limitBytes: 2 ** 33 }, /4 GiB, what 32-bit pointers reach/],
    [{ reserveBytes: 1.5 * MIB + 0.5 }, /reserveBytes/],
    [{ limitBytes: 8 * MIB, reserveBytes: 4 * MIB }, /more than its reservation of 4194304/],
  ])('refuses options %j', (options, message) => {
    expect(() => Arena.create(options)).toThrow(message)
  })
})

describe('arena misuse', () => {
  const arena = Arena.create({ limitBytes: MIB })
  const code = (expected: string) => expect.objectContaining({ code: expected })

  it.each([10, 40_000, 70_000])('reports a chunk of %d bytes that is freed twice', bytes => {
    const keep = arena.alloc(bytes, 1)
    const address = arena.alloc(bytes, 1)
    arena.free(address)
    const inUse = arena.bytesInUse()
    expect(() => arena.free(address)).toThrow(code('ARENA_FREE'))
    expect(() => arena.free(address)).toThrow(/it was freed before/)
    expect(() => arena.sizeOf(address)).toThrow(code('ARENA_ADDRESS'))
    expect(() => arena.ownerOf(address)).toThrow(code('ARENA_ADDRESS'))
    expect(() => arena.setOwner(address, 2)).toThrow(code('ARENA_ADDRESS'))
    expect(() => arena.chunkOf(address)).toThrow(code('ARENA_ADDRESS'))
    expect(arena.bytesInUse()).toBe(inUse)
    arena.free(keep)
  })

  it('names the chunk when its inside is freed', () => {
    for (const bytes of [5000, 70_000]) {
      const address = arena.alloc(bytes, 1)
      for (const inside of [8, 2048, bytes - 1]) {
        const message = `it lies inside the chunk at address ${address}`
        expect(() => arena.free(address + inside)).toThrow(message)
      }
      arena.free(address)
    }
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 32, 2 ** 40, PAGE, undefined])('frees no %s', address => {
    expect(() => arena.free(address as number)).toThrow(code('ARENA_FREE'))
  })

  it.each([
    [-1, 1],
    [Number.NaN, 1],
    [undefined, 1],
    [10, 0],
    [10, -3],
    [10, 2 ** 31],
    [10, 1.5],
  ])('refuses alloc(%s, %s)', (bytes, owner) => {
    expect(() => arena.alloc(bytes as number, owner)).toThrow(code('ARENA_ARGUMENT'))
  })

  it('attaches to arenas only', () => {
    const memory = Arena.create({ reserveBytes: 4 * MIB }).handle().memory
    const wrong = { memory, maxPages: 32, limitBytes: MIB, poison: false }
    expect(() => Arena.attach(wrong)).toThrow(code('ARENA_HANDLE'))
    expect(() => Arena.attach(undefined as never)).toThrow(code('ARENA_HANDLE'))
  })

  it('ends balanced', () => {
    expect(arena.bytesInUse()).toBe(0)
  })
})

describe('arena contents and packing', () => {
  it.each([100, 5000, 70_000])('poisons a freed chunk of %d bytes and nothing else', bytes => {
    const arena = Arena.create({ poison: true })
    const [before, address, after] = [1, 2, 3].map(owner => arena.alloc(bytes, owner))
    const size = arena.sizeOf(address!)
    for (const at of [before!, address!, after!]) {
      arena.u8.fill(arena.ownerOf(at), at, at + size)
    }
    arena.free(address!)
    expect(arena.bytes.subarray(address, address! + size).every(byte => byte === 0xa5)).toBe(true)
    for (const at of [before!, after!]) {
      expect(arena.u8.subarray(at, at + size).every(b => b === arena.ownerOf(at))).toBe(true)
    }
    arena.reap(3)
    expect(arena.u8[after!]).toBe(0xa5)
  })

  it('leaves freed chunks as they are without poison', () => {
    const arena = Arena.create()
    const address = arena.alloc(100, 1)
    arena.u8[address] = 42
    arena.free(address)
    expect(arena.u8[address]).toBe(42)
  })

  it('packs 31 to 32 tiny chunks into a page, also when two handles allocate in turn', () => {
    const arena = Arena.create()
    const other = Arena.attach(arena.handle())
    for (let k = 0; k < 3200; k++) (k % 2 === 0 ? arena : other).alloc(100, 1)
    expect(arena.pagesTaken()).toBeLessThanOrEqual(102)
    expect(arena.bytesInUse()).toBe(3200 * CELL)
  })

  it('finds the holes that other threads leave, however many pages lie between', () => {
    const arena = Arena.create()
    const chunks = Array.from({ length: 6400 }, () => arena.alloc(100, 1))
    const pages = arena.pagesTaken()
    for (let k = 0; k < chunks.length; k += 2) arena.free(chunks[k]!)
    const other = Arena.attach(arena.handle())
    for (let k = 0; k < 3200; k++) other.alloc(100, 2)
    expect(arena.pagesTaken()).toBe(pages)
  })

  it('fills low addresses first, so that touched memory is used again', () => {
    const arena = Arena.create()
    const chunks = Array.from({ length: 1000 }, () => arena.alloc(PAGE, 1))
    const lowest = Math.min(...chunks)
    for (const address of chunks) Arena.attach(arena.handle()).free(address)
    const again = Array.from({ length: 200 }, () => arena.alloc(PAGE, 1))
    expect(Math.min(...again)).toBe(lowest)
    expect(Math.max(...again.slice(40))).toBeLessThan(lowest + 300 * PAGE)
  })
})
