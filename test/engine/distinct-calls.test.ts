/** How often a function is called that equal rows share, and what it keeps. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Distinct, DistinctFunctions, DistinctGiveUp } from '../../src/engine/distinct.ts'
import { columnOf, valuesOf, withoutIds, writtenOut } from '../../src/expressions/columns.ts'
import { ColumnBench } from '../expressions/column-machine.ts'

const bench = new ColumnBench()
const { arena, machine, scratch } = bench
const limits = { owner: 7, bytesMax: 4 * 2 ** 20 }
let functions = new DistinctFunctions(machine, arena, limits)
const before = arena.bytesInUse()

beforeEach(() => {
  functions.close()
  functions = new DistinctFunctions(machine, arena, limits)
})
afterAll(() => {
  functions.close()
  expect(arena.bytesInUse()).toBe(before)
})

/** A function that counts its calls. */
function counted(fn: (x: any) => unknown) {
  const seen: unknown[] = []
  return { seen, fn: (x: unknown) => [seen.push(x), fn(x)][1] }
}

function resultsOf(once: Distinct, rows: readonly string[]): unknown[] {
  const column = columnOf(machine, 'utf8', rows, rows.length)
  const mapped = once.map(once.ids(column, rows.length), rows.length)
  const texts = writtenOut(machine, mapped, rows.length)
  const values = valuesOf(machine, texts, withoutIds(once.output), rows.length)
  const list = Array.from(values)
  scratch.reset()
  return list
}

const single = (fn: Function) => ({ fn, items: undefined })
const upper = () => counted(w => w.toUpperCase())

describe('calls', () => {
  test('once for a value, in later partitions too', () => {
    const { fn, seen } = upper()
    const once = functions.make(single(fn), { kind: 'utf8' })!
    for (const rows of [
      ['a', 'b', 'a'],
      ['b', 'c'],
      ['a', 'c'],
    ]) {
      functions.use([once])
      once.begin()
      expect(resultsOf(once, rows)).toEqual(rows.map(w => w.toUpperCase()))
    }
    expect(seen).toEqual(['a', 'b', 'c'])
    expect([once.calls, once.rows]).toEqual([3, 7])
  })

  test('functions in a row see what the first one makes of the rows, once', () => {
    const first = upper()
    const second = counted(w => w.length)
    const one = functions.make(single(first.fn), { kind: 'utf8' })!
    functions.use([one])
    one.begin()
    const two = functions.make(single(second.fn), one.output)!
    two.results[0]!.kind = 'float64'
    two.begin()
    const rows = ['foo', 'Foo', 'bars', 'foo']
    const column = one.map(one.ids(columnOf(machine, 'utf8', rows, 4), 4), 4)
    const lengths = two.map(two.ids(column, 4), 4)
    expect(Array.from(valuesOf(machine, lengths, { kind: 'float64' }, 4))).toEqual([3, 3, 4, 3])
    expect([first.seen, second.seen]).toEqual([
      ['foo', 'Foo', 'bars'],
      ['FOO', 'BARS'],
    ])
    functions.use([two])
  })

  test('parts of arrays go into columns of their own', () => {
    const { fn, seen } = counted(w => [w.toUpperCase(), w.length, w === 'b'])
    const once = functions.make({ fn, items: 3 }, { kind: 'utf8' })!
    functions.use([once])
    // Two items are of another kind than is guessed.
    for (;;) {
      once.begin()
      try {
        resultsOf(once, ['b'])
        break
      } catch (error) {
        expect(error).toMatchObject({ isLesson: true })
      }
    }
    expect(once.output.kind).toBe('tuple')
    seen.length = 0
    once.begin()
    const rows = ['a', 'b', 'cc', 'a']
    expect(resultsOf(once, rows)).toEqual(rows.map(w => [w.toUpperCase(), w.length, w === 'b']))
    expect(seen).toEqual(['a', 'cc'])
  })

  test('no row that is not handed to it', () => {
    const { fn, seen } = counted(w => w !== 'b')
    const once = functions.make(single(fn), { kind: 'utf8' })!
    functions.use([once])
    once.begin()
    const ids = once.ids(columnOf(machine, 'utf8', ['a', 'b', 'c'], 3), 3)
    const mask = once.mask(ids, 1)
    expect(arena.u8[mask]).toBe(1)
    expect(seen).toEqual(['a'])
  })
})

describe('gives up', () => {
  test('where values mostly differ, and tries again later', () => {
    const once = functions.make(single(upper().fn), { kind: 'utf8' })!
    functions.use([once])
    once.begin()
    let rows = 0
    expect(() => {
      for (; rows < 100_000; rows += 4000) {
        resultsOf(
          once,
          Array.from({ length: 4000 }, (_, i) => `w${rows + i}`),
        )
      }
    }).toThrow(DistinctGiveUp)
    expect(rows).toBeLessThan(20_000)
    expect(once.isOff).toBe(true)
    expect(once.bytes).toBe(0)
    let runs = 0
    for (; once.isOff; runs++) once.tick()
    expect(runs).toBe(16)
  })

  test('where the function throws; it knows nothing of those values afterwards', () => {
    let isBroken = true
    const fn = (w: string) => {
      if (w === 'b' && isBroken) throw new Error('b')
      return w
    }
    const once = functions.make(single(fn), { kind: 'utf8' })!
    functions.use([once])
    once.begin()
    expect(() => resultsOf(once, ['a', 'b', 'c'])).toThrow(DistinctGiveUp)
    isBroken = false
    while (once.isOff) once.tick()
    once.begin()
    expect(resultsOf(once, ['a', 'b', 'c'])).toEqual(['a', 'b', 'c'])
  })

  test('on results of another kind, which it expects from then on', () => {
    const once = functions.make(
      single((w: string) => w.length),
      { kind: 'utf8' },
    )!
    functions.use([once])
    once.begin()
    expect(() => resultsOf(once, ['abc'])).toThrow(DistinctGiveUp)
    expect(once.output).toEqual({ kind: 'float64' })
    once.begin()
    expect(resultsOf(once, ['abc', 'de'])).toEqual([3, 2])
  })

  test.each([[undefined], [null], [1n], [{}]])('for good on results like %s', result => {
    const once = functions.make(
      single(() => result),
      { kind: 'utf8' },
    )!
    functions.use([once])
    once.begin()
    expect(() => resultsOf(once, ['abc'])).toThrow(DistinctGiveUp)
    expect(once.isOff).toBe(true)
  })
})

describe('memory', () => {
  const manyTexts = (once: Distinct, count: number): void => {
    once.begin()
    for (let from = 0; from < count; from += 4000) {
      const rows = Array.from({ length: 4000 }, (_, i) => `a text of many letters ${from + i}`)
      // So often that values do not mostly differ.
      for (let times = 0; times < 3; times++) resultsOf(once, rows)
    }
  }

  test('functions that were used last stay when there is too much', () => {
    const [a, b, c] = [1, 2, 3].map(() => functions.make(single(upper().fn), { kind: 'utf8' })!)
    for (const once of [a!, b!, c!]) {
      functions.use([once])
      manyTexts(once, 12_000)
    }
    expect(a!.bytes + b!.bytes + c!.bytes).toBeGreaterThan(limits.bytesMax)
    functions.use([c!])
    expect(a!.bytes).toBe(0)
    expect(c!.bytes).toBeGreaterThan(0)
    functions.use([a!])
    a!.begin()
    expect(resultsOf(a!, ['x', 'y', 'x'])).toEqual(['X', 'Y', 'X'])
  })

  test('a dictionary that has become too large begins anew with the next partition', () => {
    const { fn, seen } = upper()
    const once = functions.make(single(fn), { kind: 'utf8' })!
    functions.use([once])
    manyTexts(once, 300_000)
    expect(once.bytes).toBeGreaterThan(16 * 2 ** 20)
    once.begin()
    expect(once.bytes).toBeLessThan(16 * 2 ** 20)
    const calls = seen.length
    expect(resultsOf(once, ['x', 'y', 'x'])).toEqual(['X', 'Y', 'X'])
    expect(seen.length).toBe(calls + 2)
  })
})
