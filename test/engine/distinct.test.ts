/**
 * Functions called once for equal rows give what the row loop gives, errors too. How often they are
 * called is seen in distinct-calls.test.ts.
 */
import fc from 'fast-check'
import { broadcast, type DStream } from 'pelton'
import { runStream } from 'pelton/testing'
import { describe, expect, test } from 'vitest'
import { strings } from '../kernels/arbitraries.ts'

const gears = ['row', 'distinct', 'auto', 'lifted'] as const
type Gear = (typeof gears)[number]
type Build = (stream: DStream<any>) => DStream<any>

/** What comes out, or the error: its message, operator and place. */
async function outcome(input: readonly any[][], build: Build, gear: Gear): Promise<unknown> {
  try {
    return await runStream({ input, build, gear, workers: 1, partitions: 2 })
  } catch (error) {
    const { message, operator, place, code } = error as Error & Record<string, unknown>
    return { message, operator, place, code }
  }
}

/** Runs the program in every gear; they must agree. Returns what came out. */
async function inAllGears(input: readonly any[][], build: Build): Promise<any> {
  const [first, ...others] = await Promise.all(gears.map(gear => outcome(input, build, gear)))
  for (const [i, other] of others.entries()) expect(other, gears[i + 1]).toEqual(first)
  return first
}

const stop = new Set(['a', 'the', 'bad'])
const stems = new Map([['words', 'word']])
const shared = broadcast(new Map([['a', 1]]))
const words = ['a', 'the', 'words', '', 'long words of many letters', 'ä', '😀', 'words', 'a', '']

describe('what rows that look alike may hide', () => {
  test('0 and -0', async () => {
    const [rows] = await inAllGears([[0, -0, 1, -0, 0]], s => s.map(x => 1 / (x ?? 1)))
    const expected = [Infinity, -Infinity, 1, -Infinity, Infinity]
    expect(rows).toEqual(expected)
  })

  test('null and undefined', async () => {
    const [rows] = await inAllGears([[null, undefined, null]], s => s.map(x => x === undefined))
    expect(rows).toEqual([false, true, false])
  })

  test.each([
    ['1n', (w: string) => [w, 1n]],
    ['-0', (w: string) => [w, -0]],
    ['NaN', (w: string) => [w, Number.NaN]],
    ['undefined', (w: string) => [w, undefined]],
    ['null', (w: string) => [w, null]],
    ['a text', (w: string) => [w, 'x']],
  ])('constants beside a text: %s', async (_, pair) => {
    const [rows] = await inAllGears([words], s =>
      s
        .map(pair as any)
        .filter(([w]: any) => !stop.has(w))
        .map(([w, n]: any) => `${w.normalize()} ${Object.is(n, -0)} ${typeof n} ${n}`),
    )
    const expected = words.filter(w => !stop.has(w)).map(w => pair(w)[1])
    const text = (n: unknown): string => `${Object.is(n, -0)} ${typeof n} ${n}`
    expect(rows.map((row: string) => row.slice(row.lastIndexOf(text(expected[0]))))).toEqual(
      expected.map(text),
    )
  })

  test('0 and -0 within pairs', async () => {
    const pairs = [
      ['a', 0],
      ['a', -0],
      ['b', 0],
      ['a', -0],
    ]
    const [rows] = await inAllGears([pairs], s =>
      s.map(([key, n]) => `${key.normalize()} ${Object.is(n, -0)}`),
    )
    expect(rows).toEqual(['a false', 'a true', 'b false', 'a true'])
  })

  test('a fresh object is not shared: the next operator may change it', async () => {
    const [rows] = await inAllGears([['a', 'a', 'a']], s =>
      s
        .map(w => ({ w: w.normalize(), n: 0 }))
        .map(o => {
          o.n++
          return o.n
        }),
    )
    expect(rows).toEqual([1, 1, 1])
  })

  test('nor is one made by a method', async () => {
    const [rows] = await inAllGears([['{"n":0}', '{"n":0}']], s =>
      s
        .map(text => JSON.parse(text))
        .map(o => {
          o.n++
          return o.n
        }),
    )
    expect(rows).toEqual([1, 1])
  })

  test('halves of characters', async () => {
    const texts = ['😀', '😀x', 'x😀', '\ud83d', '😀', '\ude00']
    const [rows] = await inAllGears([texts], s =>
      s.map(w => w.normalize().slice(0, 1)).map(half => half + '\ude00'.normalize()),
    )
    expect(rows).toEqual(texts.map(text => `${text.slice(0, 1)}\ude00`))
  })

  test('an operator hands one argument on', async () => {
    const [rows] = await inAllGears([['a', 'a']], s =>
      s.map(((w: string, i: number) => w.normalize() + i) as any),
    )
    expect(rows).toEqual(['aundefined', 'aundefined'])
  })
})

describe('results', () => {
  const functions: Record<string, (w: string) => unknown> = {
    texts: w => w.normalize().toUpperCase(),
    'long texts': w => w.normalize().repeat(5),
    numbers: w => w.normalize().charCodeAt(1),
    booleans: w => stop.has(w),
    'texts or nothing': w => stems.get(w),
    'numbers or texts': w => (stop.has(w) ? w.length : w),
    'something of each': w => [w, w.length, null, undefined, true, 1n, new Date(0)][w.length % 7],
    'negative zeros': w => (stop.has(w) ? -0 : 0),
  }
  test.each(Object.keys(functions))('%s', async name => {
    const fn = functions[name]!
    const [first, second] = await inAllGears([words, [...words, 'new']], s => s.map(fn as any))
    expect(first).toEqual(words.map(fn))
    expect(second).toEqual([...words, 'new'].map(fn))
  })

  const makers: Record<string, (w: string) => unknown[]> = {
    'a text and one': w => [w.normalize().toUpperCase(), 1],
    'a number, a text and an answer': w => [w.normalize().length, w, stop.has(w)],
    'one item': w => [w.normalize()],
    'items of changing kinds': w => [stop.has(w) ? w.length : w, 1],
    'an item that may be missing': w => [w, stems.get(w)],
    'arrays within': w => [w, [w.normalize()]],
    'two lengths': w => (stop.has(w) ? [w] : [w, 1]),
  }
  test.each(Object.keys(makers))('arrays: %s', async name => {
    const fn = makers[name]!
    const [first, second] = await inAllGears([words, [...words, 'new']], s => s.map(fn as any))
    expect(first).toEqual(words.map(fn))
    expect(second).toEqual([...words, 'new'].map(fn))
    await inAllGears([words, words], s => s.map(fn as any).map((row: any) => row.push(1)))
  })

  test('pairs that are grouped', async () => {
    const [rows] = await inAllGears([words, words], s =>
      s
        .map(w => [w.normalize().toUpperCase(), w.length] as [string, number])
        .reduceByKey((a, b) => a + b),
    )
    expect(new Map(rows).get('WORDS')).toBe(10)
  })

  test('pairs of pairs', async () => {
    const pairs = words.map((w, i) => [w, i % 3])
    const [rows] = await inAllGears([pairs, pairs], s =>
      s
        .map(([w, n]) => [n.toFixed(1), w.normalize()] as [string, string])
        .mapValues(w => [w.trim(), [...w].length]),
    )
    const expected = words.map((w, i) => [(i % 3).toFixed(1), [w.trim(), [...w].length]])
    expect(rows).toEqual(expected)
  })

  test('of another kind in a later batch', async () => {
    const batches = [words, ['1', '2'], words, ['3']]
    const all = await inAllGears(batches, s =>
      s.map(w => (/^[0-9]/.test(w) ? Number(w) : w.normalize())),
    )
    expect(all).toEqual([words, [1, 2], words, [3]])
  })

  test('truthy and falsy answers of a filter', async () => {
    const [rows] = await inAllGears([words], s => s.filter(w => stems.get(w) as any))
    expect(rows).toEqual(['words', 'words'])
  })

  test('texts that are ids when they are asked whether they are empty', async () => {
    const [rows] = await inAllGears([words], s => s.map(w => w.normalize()).filter(w => w as any))
    expect(rows).toEqual(words.filter(w => w))
    const [pairs] = await inAllGears([words], s =>
      s.map(w => [w.normalize(), 1] as [string, number]).filter(([w, n]) => (w && n) as any),
    )
    expect(pairs).toEqual(words.filter(w => w).map(w => [w, 1]))
  })

  test('values of a broadcast', async () => {
    const [rows] = await inAllGears([words], s => s.map(w => shared.value.get(w) ?? -1))
    expect(rows).toEqual(words.map(w => (w === 'a' ? 1 : -1)))
  })
})

describe('errors', () => {
  test('a function sees no row that a filter has removed', async () => {
    const [rows] = await inAllGears([['ok', 'bad', 'fine', 'bad']], s =>
      s
        .filter(w => !stop.has(w))
        .map(w => {
          if (w === 'bad') throw new Error('bad row')
          return w.normalize()
        }),
    )
    expect(rows).toEqual(['ok', 'fine'])
  })

  test('nor one that a filter removes in the same vector again', async () => {
    const rows = Array.from({ length: 9000 }, (_, i) => (i % 3 === 0 ? 'bad' : `w${i % 50}`))
    const [found] = await inAllGears([rows], s =>
      s
        .filter(w => !stop.has(w))
        .map(w => {
          if (w === 'bad') throw new Error('bad row')
          return w.normalize()
        }),
    )
    expect(found).toEqual(rows.filter(w => w !== 'bad'))
  })

  test('name operator, place and row as those of the row loop do', async () => {
    const error = await inAllGears([['ok', 'fine', 'bad', 'worse']], s =>
      s
        .map(w => w.normalize())
        .map(w => {
          if (stop.has(w)) throw new TypeError(`no ${w}`)
          return w
        }),
    )
    expect(error).toMatchObject({ operator: 'map', code: 'TASK_FAILED' })
    expect(error.message).toContain(`failed on the row "bad": TypeError: no bad`)
  })

  test('the first row that fails is told, whatever step it fails in', async () => {
    const error = await inAllGears([['1', 'late', 'early']], s =>
      s
        .map(w => {
          if (w === 'early') throw new Error('early')
          return w.normalize()
        })
        .map(w => {
          if (w === 'late') throw new Error('late')
          return w.normalize()
        }),
    )
    expect(error.message).toContain('late')
  })
})

describe('values that mostly differ', () => {
  test('texts', async () => {
    const rows = Array.from({ length: 40_000 }, (_, i) => `word ${i}`)
    const [found] = await inAllGears([rows], s =>
      s.map(w => w.normalize().toUpperCase()).filter(w => !stop.has(w)),
    )
    expect(found).toEqual(rows.map(w => w.toUpperCase()))
  })

  test('numbers', async () => {
    const rows = Array.from({ length: 40_000 }, (_, i) => i / 7)
    const [found] = await inAllGears([rows], s => s.map(x => x.toFixed(3)))
    expect(found).toEqual(rows.map(x => x.toFixed(3)))
  })
})

test('rows that are counted only', async () => {
  const rows = Array.from({ length: 9000 }, (_, i) => `w${i % 77}`)
  const [counts] = await inAllGears([rows], s =>
    s
      .map(w => w.normalize())
      .filter(w => [...w].length === 2)
      .count(),
  )
  expect(counts).toEqual([rows.filter(w => w.length === 2).length])
  await inAllGears([rows], s => s.filter(w => [...w].length === 2).count())
})

test('a word count with functions that are not known expressions', async () => {
  const lines = Array.from({ length: 3000 }, (_, i) => `the ${i % 77} Foo foo bar${i % 11} a`)
  const build: Build = s =>
    s
      .flatMap((line: string) => line.split(' '))
      .filter(w => !stop.has(w))
      .map(w => w.normalize().toUpperCase())
      .map(w => [w, 1] as [string, number])
      .reduceByKey((a, b) => a + b, 3)
      .mapValues(n => n.toPrecision(3))
  const [first, second]: [string, string][][] = await inAllGears([lines, lines.slice(100)], build)
  expect(new Map(first!).get('FOO')).toBe('6.00e+3')
  expect(new Map(second!).get('FOO')).toBe('5.80e+3')
})

const steps: Record<string, Build> = {
  'filter by a set': s => s.filter(w => !stop.has(w)),
  'filter by a regular expression': s => s.filter(w => /^[a-m]/u.test(w)),
  'upper case': s => s.map(w => w.normalize().toUpperCase()),
  'first letter': s => s.map(w => [...w].slice(0, 1).join('')),
  'not empty': s => s.filter(w => w),
  'not empty, as a pair': s =>
    s
      .map(w => [w, 1])
      .filter(([w]) => w)
      .map(([w]) => w),
  stem: s => s.map(w => stems.get(w) ?? w),
  'length and back': s => s.map(w => [...w].length).map(n => 'x'.repeat(n).normalize()),
  'through a pair': s =>
    s
      .map(w => [w, w.length] as [string, number])
      .filter(([w, n]) => !stop.has(w) && n < 30)
      .mapValues(n => n.toFixed(1))
      .map(([w, n]) => `${w.normalize()}${n}`),
  'to a pair and back': s => s.map(w => [w.normalize(), w.at(-1) ?? '']).map(([w, c]) => c + w),
  'through an object': s =>
    s
      .map(w => ({ w, n: w.length, x: 1 }))
      .filter(row => !stop.has(row.w) || row.x === 2)
      .map(row => `${row.w.normalize()}${row.n.toFixed(0)}`),
  'known expressions': s => s.map(w => w.trim()).filter(w => w.length < 20),
}

/** What groups texts by their ids, and what does not. */
const ends: Record<string, Build> = {
  none: s => s,
  counts: s => s.map(w => [w, 1] as [string, number]).reduceByKey((a, b) => a + b, 3),
  sums: s => s.map(w => [w, 0.1] as [string, number]).reduceByKey((a, b) => a + b),
  'any reducer': s => s.map(w => [w, 3] as [string, number]).reduceByKey((a, b) => a * 2 - b, 2),
  'pairs made once': s =>
    s.map(w => [w.normalize(), [...w].length] as [string, number]).reduceByKey((a, b) => a + b),
  objects: s => s.map(w => ({ w, upper: w.toUpperCase(), n: 1 })),
  'texts of objects': s =>
    s
      .map(w => ({ n: 1, w }))
      .map(row => [row.w, row.n] as [string, number])
      .reduceByKey((a, b) => a + b),
  groups: s => s.map(w => [w, 'x'] as [string, string]).groupByKey(2),
  'counts by value': s => s.countByValue(3),
  distinct: s => s.distinct(3),
  lengths: s => s.map(w => [w, w.length] as [string, number]).reduceByKey((a, b) => a + b),
}

test('random rows through random steps', async () => {
  const rows = fc.array(fc.oneof(strings, fc.constantFrom(...words)), { maxLength: 200 })
  const chosen = fc.array(fc.constantFrom(...Object.keys(steps)), { maxLength: 5 })
  const last = fc.constantFrom(...Object.keys(ends))
  await fc.assert(
    fc.asyncProperty(rows, chosen, last, async (texts, names, end) => {
      await inAllGears([texts, texts.slice(7).reverse(), texts], s =>
        ends[end]!(names.reduce((stream, name) => steps[name]!(stream), s)),
      )
    }),
    { numRuns: 60 },
  )
})
