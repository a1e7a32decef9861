/**
 * What gear 2 may call once for equal rows. That a pure function's results agree with the row
 * gear is
 * tested here on random text; that the engine asks before it shares is tested with the engine.
 */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { analyse, closeCapture, portable, portableValue } from '../../src/functions/capture.ts'
import { isPure, isPureSource, type Purity } from '../../src/functions/purity.ts'
import { purityReasons } from '../../src/functions/purity-reasons.ts'
import { accumulator, broadcast, resource } from '../../src/functions/shared.ts'

afterAll(closeCapture)

const site = { operator: 'map', place: undefined }
const capture = (fn: Function) => portable(analyse(fn, site))
const reasonOf = (answer: Purity): string => (answer.pure ? 'pure' : answer.reason)

interface Case {
  readonly source: string
  readonly captured?: Record<string, unknown>
}
const stop = new Set(['a', 'the'])
const stems = new Map([['words', 'word']])

const pure: readonly Case[] = [
  { source: 'w => !stop.has(w)', captured: { stop } },
  { source: 'w => w.normalize().toUpperCase()' },
  { source: 'w => stems.get(w) ?? w', captured: { stems } },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a function.
  { source: 'w => `${w.trim()}!`.padStart(8)' },
  { source: `w => w.replace(/[^a-z]/i, '')` },
  { source: `w => w.replace('a', m => m.toUpperCase())` },
  { source: `w => w.replace(/[^a-z]/g, '').replaceAll(/(.)b/gi, (_, c) => c)` },
  { source: `w => w.match(/a/g)?.length ?? 0` },
  { source: `w => re.test(w)`, captured: { re: /^[a-c]/u } },
  { source: `w => w.split('').sort().reverse().join('')` },
  { source: `w => [...w].sort((a, b) => a < b ? -1 : 1).join('')` },
  { source: 'w => { let h = 0; for (const c of w) h = (h * 31 + c.charCodeAt(0)) | 0; return h }' },
  { source: 'w => { let n = 0; for (let i = 0; i < w.length; i++) n += i; return n }' },
  { source: `w => { try { return JSON.parse(w).a } catch { return null } }` },
  { source: `w => { if (w === 'bad') throw new Error('bad row'); return w }` },
  { source: 'w => tidy(w).length', captured: { tidy: (w: string) => w.trim().toLowerCase() } },
  {
    source: 'w => w in dictionary ? dictionary[w] : table[0]',
    captured: { dictionary: { a: 1 }, table: [2] },
  },
  { source: 'function count(w) { return w === "" ? 0 : 1 + count(w.slice(1)) }' },
  { source: `w => { const vowel = c => 'aeiou'.includes(c); return [...w].filter(vowel).length }` },
  {
    source: `w => [...w].map(Number).every(Number.isInteger) || [w].map(parseFloat).length`,
  },
  { source: 'w => new Date(w).getTime() || Math.PI.toFixed(2)' },
  { source: 'w => new Set(w).size' },
  { source: `w => { switch (w) { case 'a': return 1; default: return w?.length } }` },
  { source: '({ a: [b = 1, c] }) => { [b, c] = [c, b]; b += 1; c++; return b + c }' },
  { source: '(x) => 1 / x' },
  { source: 'x => x === undefined' },
  { source: 'w => Object.keys(JSON.parse(JSON.stringify(w))).length' },
  { source: 'w => { let n = 0; for (n of [1, 2]) ; return n }' },
]

test.each(pure.map(one => [one.source, one] as const))('pure: %s', (_, { source, captured }) => {
  expect(isPureSource(source, captured)).toEqual({ pure: true })
})

test.each([
  ['w => [w.normalize(), 1]', 2],
  ['w => { if (w) return [w]; return w ? [1] : [2] }', 1],
  ['w => [[w]]', 1],
  ['w => w ? 1 : 2', undefined],
  ['w => w.split(",")', undefined],
])('items of %s', (source, items) => {
  expect(isPureSource(source)).toEqual(items === undefined ? { pure: true } : { pure: true, items })
})

/** Reasons that need more than a source: see 'functions that were captured'. */
const captureOnly = ['notSource', 'notFunction', 'captured', 'holdsFunctions'] as const

/** For each reason the functions that have it; a source alone stands for no captured values. */
const impure: Record<
  Exclude<keyof typeof purityReasons, (typeof captureOnly)[number]>,
  readonly (Case | string)[]
> = {
  async: ['async w => w', 'function* f(w) { yield w }', 'w => [w].map(async x => x).length'],
  parameters: ['(x, i) => i', '(x, i = 0) => i'],
  rest: ['(...all) => all.length'],
  object: [
    'w => ({ w, n: 0 })',
    'w => { if (w) return 1; return w ? 1 : { w } }',
    'w => w ? [w, 1] : w',
    'w => w ? [w, 1] : [w]',
    'w => [...w]',
    'w => [, w]',
    'w => []',
    'w => [w, 1, 2, 3, 4, 5, 6, 7, 8]',
  ],
  arguments: ['function f(w) { return arguments.length }'],
  this: ['w => [w].map(function () { return this }).length'],
  call: [
    'w => unknown(w)',
    'w => console.log(w)',
    'w => w.frobnicate()',
    'w => fetch(w)',
    { source: 'w => { const v = m.get(w); if (v) m.delete(w); return v }', captured: { m: stems } },
    { source: 'w => { stop.add(w); return 1 }', captured: { stop } },
    { source: 'w => list.push(w)', captured: { list: [] } },
    { source: 'w => f(w)(w)', captured: { f: (w: string) => w } },
    'w => { const f = w.x; return f(w) }',
    'w => w.split(",").fill(1).length',
    'w => Object.assign(w, {}).a',
    'w => structuredClone(w).a',
    { source: 'w => impure(w)', captured: { impure: (w: any) => w.pop() } },
  ],
  changes: [
    { source: 'w => list.sort()[0]', captured: { list: ['b', 'a'] } },
    'w => w.items.reverse()[0]',
  ],
  computedCall: ['w => w[w.length]()'],
  callback: [
    { source: 'w => [w].map(stop.add, stop).length', captured: { stop } },
    '(w) => [w].some(w.callback)',
  ],
  secondArgument: ['w => JSON.parse(w, (k, v) => v).a', 'w => JSON.stringify(...w)'],
  time: ['w => Date.now()', 'w => new Date().getTime()', 'w => Date()', 'w => performance.now()'],
  random: ['w => Math.random()', 'w => crypto.randomUUID()', 'w => [w].map(Math.random)[0]'],
  statefulRegex: [
    'w => /a/g.test(w)',
    'w => /a/y.test(w)',
    `w => w.replace(/a/gy, '')`,
    `w => w.replace('a', /a/g)`,
    `w => w.split(/a/g).length`,
    { source: 'w => re.test(w)', captured: { re: /a/g } },
    { source: 'w => re.test(w)', captured: { re: /a/y } },
    { source: 'w => res.first.test(w)', captured: { res: { first: /a/g } } },
  ],
  regexData: [
    { source: 'w => res[w].test(w)', captured: { res: { first: [/a/g] } } },
    { source: 'w => res.get(w)?.exec(w)[0]', captured: { res: new Map([['a', new Set([/a/y])]]) } },
  ],
  regexStatics: ['s => (/\\d/.exec(s), RegExp.lastMatch)', `w => new RegExp('a', 'g').test(w)`],
  write: [
    'w => { w.n = 1; return 1 }',
    'w => { w.n++; return 1 }',
    'w => { [w.a] = [1]; return 1 }',
    'w => { function f() {} f = w; return f() }',
  ],
  delete: ['w => delete w.n'],
  property: [
    `w => ''.constructor.name`,
    'w => { try { return w.a.b } catch (e) { return e.stack } }',
  ],
  global: ['w => globalThis', 'w => process.env.HOME', 'w => Symbol', 'w => Math'],
  twoMeanings: [
    { source: 'w => stop.has(w) && [w].some(stop => stop.has(w))', captured: { stop } },
    'w => parseInt(w) + [w].map(parseInt => parseInt(w))[0]',
  ],
  loop: [
    'w => { while (w) return 1 }',
    'w => { for (;;) return 1 }',
    'w => { for (const k in w) return k }',
    'w => { do return 1; while (w) }',
  ],
  new: ['w => new Thing(w).n', 'w => new Intl.NumberFormat().format(w)'],
  syntax: ['w => { class A {} return 1 }', 'w => String.raw`a`', 'w => { a: return 1 }'],
}

describe.each(Object.entries(impure))('impure: %s', (name, cases) => {
  const words = (purityReasons as Record<string, (...args: any[]) => string>)[name]!
  const shape = words('§', 1).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const pattern = new RegExp(`^${shape.replace('§', '.+')}$`)
  test.each(cases.map(one => (typeof one === 'string' ? { source: one } : one)))(
    '$source',
    ({ source, captured }: Case) => {
      const answer = isPureSource(source, captured)
      expect(reasonOf(answer)).toMatch(pattern)
      expect(!answer.pure && answer.line).toBe(1)
    },
  )
})

describe('functions that were captured', () => {
  const counter = accumulator(0)
  const words = broadcast(new Set(['a']))
  const client = resource(() => ({ get: () => 1 }))
  const helpers = { shout: (w: string) => w.toUpperCase(), now: () => Date.now(), names: ['a'] }
  const tidy = (w: string) => w.trim()
  const recursive = (w: string): number => (w ? 1 + recursive(w.slice(1)) : 0)

  test('pure', () => {
    for (const fn of [
      (w: string) => !stop.has(w),
      (w: string) => tidy(w) + stems.get(w),
      (w: string) => helpers.shout(w) + helpers.names.length + helpers.names.includes(w),
      (w: string) => recursive(w),
      { method: (w: string) => tidy(w) }.method,
      {
        method(w: string) {
          return tidy(w)
        },
      }.method,
      String,
      Math.abs,
    ])
      expect(isPure(capture(fn)), String(fn)).toEqual({ pure: true })
  })

  test.each([
    ['uses counter, which is an accumulator', (w: string) => counter.add(w.length)],
    ['uses words, which is a broadcast', (w: string) => words.value.has(w)],
    ['uses client, which is a resource', (_w: string) => client.get().get()],
    ['which is imported from a module', (w: string) => (w ? fc.string() : 1)],
    ['tells the time by Date.now', (_: string) => helpers.now()],
    ['uses helpers, which does not hold data alone', (w: 'shout') => helpers[w]],
    ['draws random values by Math.random', Math.random],
    ['calls Array.from, which', Array.from],
  ])('%s', (reason, fn) => {
    expect(reasonOf(isPure(capture(fn as Function)))).toContain(reason)
  })

  test('a broadcast whose value is known', () => {
    const value = (id: number) =>
      id === words.id ? portableValue(words.value, 'words', site) : undefined
    const has = capture((w: string) => words.value.has(w))
    expect(isPure(has, { broadcasts: value })).toEqual({ pure: true })
    const add = capture((w: string) => words.value.isSubsetOf(w as any) && words.value)
    expect(isPure(add, { broadcasts: value })).toEqual({ pure: true })
    const bad = () => portableValue({ has: () => Math.random() }, 'words', site)
    expect(reasonOf(isPure(has, { broadcasts: bad }))).toContain('draws random values')
  })

  test('what has no source', () => {
    const nothing = { root: 0, shared: { broadcasts: [], accumulators: [], resources: [] } }
    const imported = { ...nothing, nodes: [{ type: 'import', url: 'x', path: [] } as const] }
    expect(reasonOf(isPure(imported))).toBe(
      'it is imported from a module, whose source is not known',
    )
    const data = { ...nothing, nodes: [{ type: 'data', value: 1 } as const] }
    expect(reasonOf(isPure(data))).toBe('it is no function')
  })

  test('the line is that of the user', () => {
    const fn = (w: string) => {
      const a = w.trim()
      return `${a}${Math.random()}`
    }
    const line = Number(/purity\.test\.ts:(\d+)/.exec(new Error().stack!)![1])
    expect(isPure(capture(fn))).toMatchObject({ line: line - 2 })
  })

  test('an operator may pass more than one argument', () => {
    expect(isPureSource('(a, b) => a + b', {}, { arity: 2 })).toEqual({ pure: true })
  })
})

test('a write to a captured variable is refused like an assignment', () => {
  expect(reasonOf(isPureSource('s => i++', { i: 0 }))).toBe('assigns the captured variable i')
})

test('pure functions give the same, once for equal rows or row by row', () => {
  const text = fc.array(fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('a', '\ud800', '😀')))
  const once = (xs: string[], f: (x: string) => unknown): unknown[] => {
    const known = new Map<string, unknown>()
    return xs.map(x => {
      if (!known.has(x)) known.set(x, outcome(f, x))
      return known.get(x)
    })
  }
  for (const { source, captured = {} } of pure) {
    const make = () =>
      new Function(...Object.keys(captured), `return (${source})`)(...Object.values(captured))
    fc.assert(
      fc.property(text, xs => {
        const f = make()
        expect(
          isDeepStrictEqual(
            once(xs, make()),
            xs.map(x => outcome(f, x)),
          ),
        ).toBe(true)
      }),
      { numRuns: 50 },
    )
  }
})

function outcome(f: (x: string) => unknown, x: string): unknown {
  try {
    return f(x)
  } catch (error) {
    return (error as Error).message
  }
}
