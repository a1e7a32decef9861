/**
 * The table of states against a Map, batch by batch: what a batch writes is there when it is
 * committed, and all of it is gone when it is undone, wherever the writer stopped.
 *
 * What it can't catch: what two threads see of each other; test/engine/state-faults.test.ts runs
 * batches in workers.
 */
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'
import { kernelModule, openKernels } from '../../src/columnar/kernels.ts'
import { canonicalKey } from '../../src/columnar/keys.ts'
import type { Expiry } from '../../src/state/expiry.ts'
import { KeyState } from '../../src/state/key-state.ts'
import { StateTable } from '../../src/state/state-table.ts'
import {
  commitTable,
  createTable,
  freeTable,
  sealTable,
  undoTable,
} from '../../src/state/table-log.ts'
import { entriesOf, headerOf, TableReader } from '../../src/state/table-reader.ts'
import { keys as keysByKind } from '../conformance/keys.ts'

const arena = Arena.create({ limitBytes: 256 * 2 ** 20, poison: true })
const kernels = openKernels(arena.handle().memory, kernelModule(), {
  counts: new Uint32Array(256),
  base: 0,
})
const table = new StateTable(arena, kernels)
const state = new KeyState<unknown>()
const store = 7
const attempt = 9
const ids = arena.alloc(4096 * 4, 1)
const inUse = arena.bytesInUse()

afterEach(() => expect(arena.bytesInUse()).toBe(inUse))

type Op = readonly [key: unknown, value: unknown, what: 'update' | 'remove' | 'touch' | 'mutate']

interface Model {
  key: unknown
  value: unknown
  time: number
}

type States = Map<string, Model>

/** What a batch makes of the states, in a Map. */
function modelled(before: States, ops: readonly Op[], time: number, expiry?: Expiry): States {
  const after = new Map([...before].map(([name, one]) => [name, structuredClone(one)]))
  for (const [key, value, what] of ops) {
    const name = canonicalKey(key)
    const found = after.get(name)
    if (what === 'remove') after.delete(name)
    else if (what === 'update') after.set(name, { key: found?.key ?? key, value, time })
    else if (found) {
      found.time = time
      if (what === 'mutate' && Array.isArray(found.value)) found.value.push(1)
    }
  }
  if (!expiry) return after
  for (const [name, { time: last }] of after) if (last < time - expiry.timeout) after.delete(name)
  return after
}

/** The same in the table, up to but not including `end`; `vectors` rows at a time. */
function written(
  header: number,
  ops: readonly Op[],
  { time, expiry, vector = 100 }: { time: number; expiry?: Expiry | undefined; vector?: number },
): void {
  table.begin(header, { attempt, time, expiry }, ops.length)
  for (let from = 0; from < ops.length; from += vector) {
    const some = ops.slice(from, from + vector)
    table.ids({ kind: 'values' }, () => some.map(op => op[0]), some.length, ids)
    const at = [...arena.u32.slice(ids / 4, ids / 4 + some.length)]
    for (const [i, [, value, what]] of some.entries()) {
      table.load(at[i]!, state, false)
      if (what === 'update') state.update(value)
      else if (what === 'remove') state.remove()
      else if (what === 'mutate' && state.exists()) {
        const now = state.get()
        if (Array.isArray(now)) now.push(1)
      }
      table.store(at[i]!, state)
    }
    table.rest()
  }
  for (const id of table.expired()) table.remove(id)
}

const plain = (states: States) =>
  [...states.values()].map(({ key, value }) => [canonicalKey(key), value]).sort(byName)
const byName = (a: unknown[], b: unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1)
const readerOf = (header: number) => new TableReader(arena, headerOf(arena, header))
const read = (header: number) =>
  [...readerOf(header).entries()].map(([key, value]) => [canonicalKey(key), value]).sort(byName)
/** What a view gets: a copy, which knows what a batch has not changed yet. */
const viewed = (header: number, words: Uint32Array) =>
  [...entriesOf(arena, new TableReader(arena, words, header).copy())]
    .map(([key, value]) => [canonicalKey(key), value])
    .sort(byName)

const key = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'é', 'a text of more than twelve bytes', '') },
  fc.constantFrom(NaN, null, true, 12n, new Date(5)),
  fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom('x', 'y')),
)
const value = fc.oneof(
  { weight: 4, arbitrary: fc.double() },
  fc.constantFrom(undefined, null, true, false, 'text', 7n),
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.record({ n: fc.integer(), name: fc.string() }),
)
const op = fc.tuple(
  key,
  value,
  fc.constantFrom('update', 'update', 'update', 'remove', 'touch', 'mutate'),
) as fc.Arbitrary<Op>
const batch = fc.record({
  ops: fc.array(op, { maxLength: 60 }),
  vector: fc.integer({ min: 1, max: 30 }),
  end: fc.constantFrom('commit', 'commit', 'undo', 'stop', 'stop early'),
})
const some = (one: fc.Arbitrary<unknown>) => fc.array(one, { minLength: 1, maxLength: 12 })

async function run(
  batches: readonly any[],
  expiry: Expiry | undefined,
  keyOf: (key: unknown) => unknown = key => key,
): Promise<void> {
  const header = createTable(arena, store)
  try {
    let states: States = new Map()
    for (const [i, { ops: raw, vector, end }] of batches.entries()) {
      const ops = raw.map(([k, v, what]: Op): Op => [keyOf(k), v, what])
      const time = (i + 1) * 1000
      const before = plain(states)
      const words = headerOf(arena, header)
      written(header, structuredClone(ops), { time, expiry, vector })
      expect(viewed(header, words)).toEqual(before)
      for (const [name, v] of before.slice(0, 5)) {
        const { key } = [...states.values()].find(one => canonicalKey(one.key) === name)!
        expect(new TableReader(arena, words, header).get(key, kernels, 3)).toEqual(v)
      }
      if (end === 'stop early') undoTable(arena, header, false)
      else {
        table.end()
        if (end === 'stop') undoTable(arena, header, false)
        else {
          sealTable(arena, header, store)
          const after = modelled(states, structuredClone(ops), time, expiry)
          expect(read(header)).toEqual(plain(after))
          expect(viewed(header, words)).toEqual(before)
          expect(readerOf(header).size).toBe(after.size)
          if (end === 'undo') undoTable(arena, header, true)
          else {
            commitTable(arena, header, chunk => arena.free(chunk))
            states = after
          }
        }
      }
      arena.reap(attempt)
      expect(read(header)).toEqual(plain(states))
      expect(readerOf(header).size).toBe(states.size)
    }
  } finally {
    freeTable(arena, header)
    arena.reap(attempt)
  }
}

describe('a table of states', () => {
  test('is a Map whose batches can be undone', async () => {
    await fc.assert(
      fc.asyncProperty(some(batch), batches => run(batches, undefined)),
      {
        numRuns: 400,
      },
    )
  })

  test('forgets what has had no record for longer than the timeout', async () => {
    await fc.assert(
      fc.asyncProperty(
        some(batch),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(1000, 500),
        (batches, timeout, unit) => run(batches, { timeout: timeout * unit, slide: 1000 }),
      ),
      { numRuns: 400 },
    )
  })

  test.each(['numbers', 'texts'])('with keys that are %s alone', async kind => {
    const keyOf = (key: unknown): unknown =>
      kind === 'texts' ? `key ${canonicalKey(key)}` : canonicalKey(key).length
    await fc.assert(
      fc.asyncProperty(some(batch), batches => run(batches, undefined, keyOf)),
      {
        numRuns: 200,
      },
    )
  })

  test('grows, and shrinks again when most is removed', async () => {
    const many = Array.from({ length: 20_000 }, (_, i) => i)
    const long = (i: number): string => `a key that is somewhat longer ${i}`
    for (const keyOf of [(i: number) => i, long]) {
      const all = many.map((i): Op => [keyOf(i), [i], 'update'])
      const most = many.filter(i => i % 100 > 0).map((i): Op => [keyOf(i), 0, 'remove'])
      const few = many.filter(i => i % 100 === 0).map((i): Op => [keyOf(i), i, 'update'])
      const sizes: number[] = []
      const header = createTable(arena, store)
      for (const ops of [all, most, few, few, few]) {
        written(header, ops, { time: 1, vector: 4096 })
        table.end()
        sealTable(arena, header, store)
        commitTable(arena, header, chunk => arena.free(chunk))
        sizes.push(arena.ownedBy(store))
      }
      expect(read(header)).toEqual(few.map(([k, v]) => [canonicalKey(k), v]).sort(byName))
      expect(sizes[4]).toBeLessThan(sizes[0]! / 10)
      freeTable(arena, header)
    }
  })

  test.each(Object.entries(keysByKind))('finds keys that are %s', async (_kind, list) => {
    const header = createTable(arena, store)
    written(
      header,
      list.map((key): Op => [key, canonicalKey(key), 'update']),
      { time: 1 },
    )
    table.end()
    sealTable(arena, header, store)
    commitTable(arena, header, chunk => arena.free(chunk))
    for (const key of list) {
      const reader = readerOf(header)
      expect(canonicalKey(reader.get(key, kernels, 3))).toBe(canonicalKey(canonicalKey(key)))
      expect(reader.get('no such key', kernels, 3)).toBe(undefined)
    }
    freeTable(arena, header)
  })

  test('takes at most 64 bytes a key beyond key and number', async () => {
    const count = 200_000
    const header = createTable(arena, store)
    for (let from = 0; from < count; from += 10_000) {
      const ops = Array.from({ length: 10_000 }, (_, i): Op => [from + i, i, 'update'])
      written(header, ops, { time: 1, vector: 4096, expiry: { timeout: 1e6, slide: 1000 } })
      table.end()
      sealTable(arena, header, store)
      commitTable(arena, header, chunk => arena.free(chunk))
    }
    expect(arena.ownedBy(store) / count - 16).toBeLessThan(64)
    freeTable(arena, header)
  })
})
