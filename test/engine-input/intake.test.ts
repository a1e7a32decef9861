/**
 * The intake: what was added comes out in order whatever the arena's state, or was refused whole.
 * What this can't catch: an arena that workers fill at the same instant; the look before each
 * allocation and the catch behind it are tested apart only by chance.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'
import { Block } from '../../src/columnar/block.ts'
import { intakeOwner, storeOwner } from '../../src/engine/block-store.ts'
import { Intake } from '../../src/engine/intake.ts'
import { type Piece, vectorsOf } from '../../src/engine/vector.ts'
import { PeltonError } from '../../src/errors.ts'

const MiB = 1024 * 1024

class Unfit {
  readonly field = 1
}

function arenaOf(limitBytes: number): Arena {
  return Arena.create({ limitBytes, poison: true })
}

function rowsOf(arena: Arena, pieces: readonly Piece[]): unknown[] {
  return pieces.flatMap(piece => {
    if (piece.kind === 'block') {
      return Array.from(Block.open(arena, piece.ptr).decode(piece.from, piece.to))
    }
    return [...vectorsOf(arena, piece)].flatMap(vector => Array.from(vector.values!))
  })
}

/** Takes a batch, checks what it says about itself, and gives it back. */
function take(arena: Arena, intake: Intake, partitions = 16): unknown[][] {
  const { dataset, rows } = intake.take(partitions)
  const batch = dataset.partitions.map(pieces => rowsOf(arena, pieces))
  expect(batch.length).toBeLessThanOrEqual(partitions)
  expect(batch.every(partition => partition.length > 0)).toBe(true)
  expect(batch.flat()).toHaveLength(rows)
  for (const piece of dataset.partitions.flat()) {
    expect(piece.to).toBeGreaterThan(piece.from)
    // What a batch has belongs to the store, as nobody fills it any more.
    const chunk = arena.chunkOf(piece.kind === 'block' ? piece.ptr : piece.from)
    expect(arena.ownerOf(chunk)).toBe(storeOwner)
  }
  dataset.release()
  return batch
}

/** Takes batches until nothing is left. */
function takeAll(arena: Arena, intake: Intake): unknown[] {
  const rows: unknown[] = []
  while (intake.rows > 0) {
    const batch = take(arena, intake).flat()
    expect(batch.length).toBeGreaterThan(0)
    rows.push(...batch)
  }
  return rows
}

function lines(from: number, to: number, width = 8): Buffer {
  const texts = Array.from({ length: to - from }, (_, i) => String(from + i).padEnd(width - 1, '-'))
  return Buffer.from(texts.map(text => `${text}\n`).join(''))
}

/** Fills the arena up to `leave` bytes; the function gives them back. */
function occupy(arena: Arena, leave: number): () => void {
  const chunks: number[] = []
  while (arena.limitBytes - arena.bytesInUse() >= leave + 65536) chunks.push(arena.alloc(65536, 7))
  while (arena.limitBytes - arena.bytesInUse() >= leave + 2048) chunks.push(arena.alloc(2048, 7))
  return () => chunks.splice(0).forEach(chunk => void arena.free(chunk))
}

describe('rows', () => {
  test('come in order of arrival, in at most so many partitions, and the memory goes back', () => {
    const arena = arenaOf(64 * MiB)
    const intake = new Intake(arena)
    const rows = Array.from({ length: 100_000 }, (_, i) => [`key ${i}`, i])
    for (const row of rows) intake.add(row)
    expect(intake.rows).toBe(rows.length)
    const batch = take(arena, intake, 5)
    expect(batch).toHaveLength(5)
    expect(batch.flat()).toEqual(rows)
    for (const partition of batch) expect(Math.abs(partition.length - 20_000)).toBeLessThan(200)
    expect(intake.rows).toBe(0)
    expect(take(arena, intake)).toEqual([])
    expect(arena.bytesInUse()).toBe(0)
  })

  test('few rows make one partition', () => {
    const arena = arenaOf(MiB)
    const intake = new Intake(arena)
    intake.addAll([1, 2, 3])
    intake.add(4)
    expect(take(arena, intake)).toEqual([[1, 2, 3, 4]])
  })

  test('a row that is no data is refused alone', () => {
    const arena = arenaOf(MiB)
    const intake = new Intake(arena)
    intake.add({ a: 1 })
    expect(() => intake.add(new Unfit())).toThrow(/an instance of class Unfit/)
    intake.add({ a: 2 })
    expect(take(arena, intake).flat()).toEqual([{ a: 1 }, { a: 2 }])
  })

  test('of several rows none is stored when one is no data', () => {
    const arena = arenaOf(MiB)
    const intake = new Intake(arena)
    intake.addAll([1, 2])
    expect(() => intake.addAll([3, 4, new Unfit(), 5])).toThrow(PeltonError)
    expect(() => intake.addAll([3, new Unfit()])).toThrow(PeltonError)
    intake.addAll([6, 7])
    expect(() => intake.addAll([() => 1])).toThrow(/function/)
    intake.add(8)
    expect(intake.rows).toBe(5)
    expect(take(arena, intake).flat()).toEqual([1, 2, 6, 7, 8])
    expect(() => intake.addAll([1, Symbol('s')])).toThrow(/symbol/)
    expect(intake.rows).toBe(0)
    expect(take(arena, intake)).toEqual([])
    expect(arena.bytesInUse()).toBe(0)
  })

  test.each([0, 1, 10, 65_535])(
    'nor when blocks were sealed meanwhile, %d rows being there already',
    before => {
      const arena = arenaOf(64 * MiB)
      const intake = new Intake(arena)
      const kept = Array.from({ length: before }, (_, i) => i)
      intake.addAll(kept)
      const many = Array.from({ length: 200_000 }, (_, i) => -i)
      expect(() => intake.addAll([...many, new Unfit()])).toThrow(PeltonError)
      expect(intake.rows).toBe(before)
      intake.addAll(['x', 'y'])
      expect(take(arena, intake).flat()).toEqual([...kept, 'x', 'y'])
      expect(arena.bytesInUse()).toBe(0)
    },
  )

  test('an iterable that throws stores nothing', () => {
    const arena = arenaOf(MiB)
    const intake = new Intake(arena)
    intake.add(1)
    const failing = function* () {
      yield 2
      throw new Error('no more')
    }
    expect(() => intake.addAll(failing())).toThrow('no more')
    expect(take(arena, intake).flat()).toEqual([1])
  })

  test('any mix of stores, good and bad, and batches', () => {
    const step = fc.oneof(
      fc.record({ rows: fc.nat({ max: 40 }), bad: fc.boolean() }),
      fc.constant('take' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        const arena = arenaOf(MiB)
        const intake = new Intake(arena)
        const expected: unknown[] = []
        const got: unknown[] = []
        let next = 0
        for (const each of steps) {
          if (each === 'take') {
            got.push(...take(arena, intake).flat())
            continue
          }
          // Rows of 20 kB, so that blocks are cut within a store.
          const rows: unknown[] = Array.from({ length: each.rows }, () =>
            String(next++).padEnd(20_000, '.'),
          )
          if (!each.bad) {
            intake.addAll(rows)
            expected.push(...rows)
          } else expect(() => intake.addAll([...rows, new Unfit()])).toThrow(PeltonError)
          if (intake.rows > 20) got.push(...take(arena, intake).flat())
        }
        got.push(...takeAll(arena, intake))
        expect(got).toEqual(expected)
        expect(arena.bytesInUse()).toBe(0)
      }),
      { numRuns: 50 },
    )
  })
})

describe('text', () => {
  test('comes in order, cut between lines, in at most so many partitions', () => {
    const arena = arenaOf(64 * MiB)
    const intake = new Intake(arena)
    const text = lines(0, 200_000, 32)
    for (let at = 0; at < text.length; at += 32 * 1000) {
      intake.addText(text.subarray(at, at + 32 * 1000))
    }
    expect(intake.rows).toBe(200_000)
    expect(arena.ownedBy(intakeOwner)).toBeGreaterThan(0)
    const batch = take(arena, intake, 7)
    expect(batch).toHaveLength(7)
    expect(Buffer.from(`${batch.flat().join('\n')}\n`).equals(text)).toBe(true)
    expect(arena.bytesInUse()).toBe(0)
  })

  test('a missing newline at the end is put there', () => {
    const arena = arenaOf(MiB)
    const intake = new Intake(arena)
    intake.addText(Buffer.from('a\nb'))
    intake.addText(Buffer.from('c'))
    intake.addText(Buffer.alloc(0))
    expect(intake.rows).toBe(3)
    expect(take(arena, intake).flat()).toEqual(['a', 'b', 'c'])
  })

  test('lines of any length, in chunks smaller and larger than they are', () => {
    const lengths = fc.array(fc.nat({ max: 200_000 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(
        fc.array(lengths, { maxLength: 5 }),
        fc.integer({ min: 1, max: 9 }),
        (runs, p) => {
          // Room for all of it: what does not fit would wait for the next batch.
          const arena = arenaOf(64 * MiB)
          const intake = new Intake(arena)
          const expected: string[] = []
          for (const run of runs) {
            const texts = run.map((length, i) => String.fromCharCode(97 + i).repeat(length))
            expected.push(...texts)
            intake.addText(Buffer.from(texts.map(text => `${text}\n`).join('')))
          }
          expect(intake.rows).toBe(expected.length)
          expect(take(arena, intake, p).flat()).toEqual(expected)
          expect(arena.bytesInUse()).toBe(0)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('a small batch does not keep a whole chunk', () => {
    const arena = arenaOf(64 * MiB)
    const intake = new Intake(arena)
    intake.addText(Buffer.from('one line\n'))
    const { dataset } = intake.take(4)
    expect(arena.bytesInUse()).toBeLessThanOrEqual(2048)
    dataset.release()
  })
})

describe('a full arena', () => {
  test('text waits outside and comes when there is room, nothing lost, nothing twice', () => {
    const arena = arenaOf(4 * MiB)
    const intake = new Intake(arena)
    const release = occupy(arena, 200_000)
    intake.addText(lines(0, 50_000))
    intake.addText(lines(50_000, 60_000))
    expect(intake.rows).toBe(60_000)
    const first = take(arena, intake).flat()
    expect(first.length).toBeGreaterThan(0)
    expect(first.length).toBeLessThan(50_000)
    expect(intake.rows).toBe(60_000 - first.length)
    intake.addText(lines(60_000, 60_001))
    release()
    const rest = take(arena, intake).flat()
    expect([...first, ...rest].map(line => Number.parseInt(line as string, 10))).toEqual(
      Array.from({ length: 60_001 }, (_, i) => i),
    )
    expect(arena.bytesInUse()).toBe(0)
  })

  test('rows wait outside and come when there is room', () => {
    const arena = arenaOf(4 * MiB)
    const intake = new Intake(arena)
    const release = occupy(arena, 0)
    const rows = Array.from({ length: 100_000 }, (_, i) => i)
    for (const row of rows) intake.add(row)
    expect(take(arena, intake)).toEqual([])
    expect(intake.rows).toBe(100_000)
    expect(() => intake.addAll([1, new Unfit()])).toThrow(PeltonError)
    release()
    expect(takeAll(arena, intake)).toEqual(rows)
    expect(arena.bytesInUse()).toBe(0)
  })

  test('a small text keeps its chunk when there is no room for a smaller one', () => {
    const arena = arenaOf(4 * MiB)
    const intake = new Intake(arena)
    intake.addText(Buffer.from('kept\n'))
    const release = occupy(arena, 0)
    expect(take(arena, intake)).toEqual([['kept']])
    release()
    expect(arena.bytesInUse()).toBe(0)
  })

  test('who does not wait is refused in the end, and what was stored before comes', () => {
    const arena = arenaOf(MiB)
    const intake = new Intake(arena)
    const release = occupy(arena, 0)
    const chunk = lines(0, 100_000, 100)
    let stored = 0
    const store = (): void => {
      intake.addText(chunk)
      stored++
    }
    expect(() => {
      for (let i = 0; i < 100; i++) store()
    }).toThrow(/The arena is full and \d+ bytes of this receiver wait.*Await the promise of store/)
    expect(stored).toBeGreaterThan(5)
    expect(stored).toBeLessThan(9)
    expect(() => intake.addAll([1])).toThrow(/Await the promise/)
    expect(() => intake.add(1)).toThrow(/Await the promise/)
    release()
    let rows = 0
    while (intake.rows > 0) rows += take(arena, intake).flat().length
    expect(rows).toBe(stored * 100_000)
    intake.add(1)
    intake.close()
    expect(arena.bytesInUse()).toBe(0)
  })

  test('one store larger than the arena is spread over batches, with room left to work', () => {
    const arena = arenaOf(4 * MiB)
    const rows = Array.from({ length: 2000 }, (_, i) => String(i).padEnd(10_000, '.'))
    const stores: Record<string, (intake: Intake) => void> = {
      rows: intake => intake.addAll(rows),
      text: intake => intake.addText(Buffer.from(`${rows.join('\n')}\n`)),
    }
    for (const [name, store] of Object.entries(stores)) {
      const intake = new Intake(arena)
      store(intake)
      expect(intake.rows).toBe(rows.length)
      expect(arena.bytesInUse()).toBeLessThan(1.3 * MiB)
      expect(intake.room()).toBeInstanceOf(Promise)
      const got: unknown[] = []
      let batches = 0
      for (; intake.rows > 0; batches++) {
        got.push(...take(arena, intake).flat())
        expect(arena.bytesInUse()).toBeLessThan(1.3 * MiB)
      }
      expect([name, batches > 15, batches < 40]).toEqual([name, true, true])
      expect(got).toEqual(rows)
      expect(intake.room()).toBeUndefined()
      expect(arena.bytesInUse()).toBe(0)
    }
  })

  test('rows that become larger by a later one of another type are not refused for it', () => {
    const arena = arenaOf(MiB)
    const intake = new Intake(arena)
    const rows = [...Array.from({ length: 65_000 }, (_, i) => i % 2 === 0), 'text', { a: 1 }]
    for (const row of rows) intake.add(row)
    expect(takeAll(arena, intake)).toEqual(rows)
  })

  test('a row that could never be worked on is refused, with those stored with it', () => {
    const arena = arenaOf(4 * MiB)
    const intake = new Intake(arena)
    expect(intake.rowBytesMax).toBe(MiB)
    const huge = 'x'.repeat(2 * MiB)
    intake.addAll(['a', 'b'])
    const message = /a row of about 2097\d\d\d bytes \("xxx.*the limit is 1048576 bytes.*raise it/
    expect(() => intake.add(huge)).toThrow(message)
    expect(() => intake.addAll(['c', huge, 'd'])).toThrow(message)
    expect(() => intake.addText(Buffer.from(`e\n${huge}\nf`))).toThrow(
      /a line of 2097153 bytes can't be worked on: the limit is 1048576 bytes/,
    )
    intake.add('x'.repeat(MiB - 100_000))
    intake.add('g')
    expect(intake.rows).toBe(4)
    const batch = take(arena, intake).flat() as string[]
    expect(batch.map(row => row.length)).toEqual([1, 1, MiB - 100_000, 1])
    expect(arena.bytesInUse()).toBe(0)
  })

  test('chunks are small beside a small limit', () => {
    const arena = arenaOf(4 * MiB)
    const intake = new Intake(arena)
    intake.addText(Buffer.from('x\n'))
    expect(arena.ownedBy(intakeOwner)).toBe(128 * 1024)
    take(arena, intake)
    let largest = 0
    for (let i = 0; i < 50_000; i++) {
      const before = arena.ownedBy(storeOwner)
      intake.add(i)
      largest = Math.max(largest, arena.ownedBy(storeOwner) - before)
    }
    expect(largest).toBe(64 * 1024)
    intake.close()
    expect(arena.bytesInUse()).toBe(0)
  })
})

describe('rows and text', () => {
  test('come in the order in which they were stored, inside and outside a full arena', () => {
    for (const outside of [false, true]) {
      const arena = arenaOf(4 * MiB)
      const intake = new Intake(arena)
      const free = outside ? occupy(arena, 0) : () => undefined
      const stored: string[] = []
      for (let round = 0; round < 3; round++) {
        const text = lines(round * 100, round * 100 + 50)
        intake.addText(text)
        stored.push(...text.toString().trim().split('\n'))
        for (let i = 0; i < 7; i++) intake.add(`row ${round} ${i}`)
        intake.addAll([`last ${round}`])
        stored.push(...Array.from({ length: 7 }, (_, i) => `row ${round} ${i}`), `last ${round}`)
      }
      expect(intake.rows).toBe(stored.length)
      free()
      expect(takeAll(arena, intake)).toEqual(stored)
      expect(arena.bytesInUse()).toBe(0)
    }
  })
})

describe('room', () => {
  test('ends when a share of the limit waits, and a batch brings it back', async () => {
    const arena = arenaOf(4 * MiB)
    const intake = new Intake(arena)
    let stored = 0
    let room: Promise<void> | undefined
    for (; !room; room = intake.room()) {
      intake.addText(lines(stored, stored + 1000))
      stored += 1000
    }
    expect(stored * 8).toBeGreaterThan(MiB * 0.8)
    expect(stored * 8).toBeLessThan(MiB * 1.3)
    let isWoken = false
    void room.then(() => (isWoken = true))
    intake.wake()
    await new Promise(resolve => setImmediate(resolve))
    expect(isWoken).toBe(false)
    take(arena, intake)
    await room
    expect(intake.room()).toBeUndefined()
    expect(arena.bytesInUse()).toBe(0)
  })

  test('ends when others fill the arena; a chunk a batch still comes in', async () => {
    const arena = arenaOf(4 * MiB)
    const intake = new Intake(arena)
    const release = occupy(arena, MiB)
    expect(intake.room()).toBeUndefined()
    let room: Promise<void> | undefined
    let rows = 0
    for (; !room; room = intake.room()) intake.add(rows++)
    expect(arena.ownedBy(storeOwner)).toBeGreaterThan(0)
    expect(arena.ownedBy(storeOwner)).toBeLessThanOrEqual(3 * 64 * 1024)
    let isWoken = false
    void room.then(() => (isWoken = true))
    intake.wake()
    // The blocks of a batch go back in promise reactions that come after the wake.
    void Promise.resolve().then(() => Promise.resolve().then(release))
    expect(isWoken).toBe(false)
    await room
    expect(take(arena, intake).flat()).toHaveLength(rows)
    expect(arena.bytesInUse()).toBe(0)
  })

  test('ends when something waits outside the arena', async () => {
    const arena = arenaOf(4 * MiB)
    const intake = new Intake(arena)
    const release = occupy(arena, 0)
    intake.addText(Buffer.from('a\n'))
    const room = intake.room()
    expect(room).toBeInstanceOf(Promise)
    release()
    intake.wake()
    await room
    expect(take(arena, intake)).toEqual([['a']])
  })

  test('closing, or letting go, ends all waiting', async () => {
    const arena = arenaOf(4 * MiB)
    const intake = new Intake(arena)
    const release = occupy(arena, MiB)
    intake.add(1)
    const first = intake.room()
    intake.release()
    await first
    const second = intake.room()
    intake.close()
    await second
    release()
    expect(arena.bytesInUse()).toBe(0)
  })
})
