/**
 * What is found to have changed since states were saved: against a plain map, over many batches
 * with keys that come, go and come again, tables that are made anew, and batches that are undone.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'
import { openKernels } from '../../src/columnar/kernels.ts'
import { KeyState } from '../../src/state/key-state.ts'
import { StateTable } from '../../src/state/state-table.ts'
import {
  commitTable,
  createTable,
  freeTable,
  sealTable,
  setSaved,
  undoTable,
} from '../../src/state/table-log.ts'
import { headerOf, TableReader } from '../../src/state/table-reader.ts'

const owner = 1
const attempt = 2

/** A key of a few hundred; undefined removes its state. */
const change: fc.Arbitrary<[number, unknown]> = fc.tuple(
  fc.nat(300),
  fc.oneof(fc.nat(9), fc.string({ maxLength: 20 }), fc.constant(undefined)),
)
/** Many keys that come or go together, so that tables are made anew. */
const run: fc.Arbitrary<[number, unknown][]> = fc
  .tuple(fc.nat(10), fc.integer({ min: 500, max: 2500 }), fc.boolean())
  .map(([from, count, isGone]) =>
    Array.from({ length: count }, (_, i): [number, number | undefined] => [
      1000 * from + i,
      isGone ? undefined : i,
    ]),
  )
const batch = fc.record({
  changes: fc.oneof(fc.array(change, { maxLength: 200 }), run),
  fate: fc.constantFrom('kept', 'kept', 'kept', 'undone'),
  isSaved: fc.boolean(),
})

test('changes since the last save make of what was saved what there is', () => {
  const arena = Arena.create({ limitBytes: 2 ** 28 })
  const kernels = openKernels(arena.handle().memory)
  const ids = arena.alloc(4 * 4096, owner)
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 12 }), fc.boolean(), (batches, areTexts) => {
      const header = createTable(arena, owner)
      setSaved(arena, header, Number.NEGATIVE_INFINITY)
      const table = new StateTable(arena, kernels)
      let states = new Map<unknown, unknown>()
      const saved = new Map<unknown, unknown>()
      for (const [i, { changes, fate, isSaved }] of batches.entries()) {
        const time = (i + 1) * 1000
        const next = new Map(states)
        table.begin(header, { attempt, time, expiry: undefined }, changes.length)
        const keys = changes.map(([key]) => (areTexts ? `the key number ${key}` : key))
        table.ids({ kind: 'values' }, () => keys, keys.length, ids)
        for (const [row, [, value]] of changes.entries()) {
          const id = arena.u32[ids / 4 + row]!
          if (value === undefined) {
            table.remove(id)
            next.delete(keys[row])
          } else {
            table.store(id, update(value))
            next.set(keys[row], value)
          }
        }
        table.end()
        if (fate === 'undone') {
          undoTable(arena, header, false)
          arena.reap(attempt)
          continue
        }
        sealTable(arena, header, owner)
        commitTable(arena, header, chunk => arena.free(chunk))
        states = next
        if (!isSaved) continue
        const reader = new TableReader(arena, headerOf(arena, header))
        for (const [key, kept] of reader.changes(header)) {
          if (kept) saved.set(key, kept[0])
          else saved.delete(key)
        }
        setSaved(arena, header, time)
        expect(new Map([...saved].sort(byKey))).toEqual(new Map([...states].sort(byKey)))
      }
      freeTable(arena, header)
    }),
    { numRuns: 200 },
  )
})

function update(value: unknown): KeyState {
  const state = new KeyState()
  state.wrap(false, undefined, false).update(value)
  return state
}

const byKey = ([a]: [unknown, unknown], [b]: [unknown, unknown]): number =>
  String(a) < String(b) ? -1 : 1
