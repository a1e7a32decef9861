/**
 * Random pipelines that make sense: every step fits the kind of the rows before it. A pipeline is
 * made from a list of small numbers by folding over it, so that fast-check shrinks it by dropping
 * steps and lowering numbers.
 */
import fc from 'fast-check'
import { type State, StateSpec } from 'pelton'
import type { Compare } from '../conformance/canonical.ts'
import { type Batches, from, here, type Step } from '../oracle.ts'

/** What a row is: a number, a string, or a pair of a string key and a number. */
type Kind = 'number' | 'string' | 'pair'

/** What is known of the stream at some point of the pipeline. */
interface Shape {
  readonly kind: Kind
  /** Rows have a defined order, the same however they are partitioned. */
  readonly ordered: boolean
  /** Rows lie in the partitions that the input gave them. */
  readonly placed: boolean
  /** Batches from one result to the next. */
  readonly slide: number
}

/** Steps made for a shape with a number from 0 to 9, and what they make of the shape. */
interface Rule {
  readonly kinds: readonly Kind[]
  readonly needs?: 'ordered' | 'placed' | 'unwindowed'
  readonly steps: (k: number, shape: Shape) => Step[]
  readonly changes?: Partial<Shape> | ((k: number, shape: Shape) => Partial<Shape>)
}

const all: readonly Kind[] = ['number', 'string', 'pair']
const exchanged = { ordered: false, placed: false }

const narrow: Rule[] = [
  { kinds: ['number'], steps: k => [['map', (x: number) => x * 2 - k]] },
  { kinds: ['number'], steps: k => [['map', (x: number) => Math.abs(x) % (k + 1)]] },
  {
    kinds: ['number'],
    steps: () => [['map', (x: number) => String(x)]],
    changes: { kind: 'string' },
  },
  {
    kinds: ['string'],
    steps: () => [['map', (s: string) => s.length]],
    changes: { kind: 'number' },
  },
  // No known expressions, but pure: called once for equal rows.
  { kinds: ['string'], steps: () => [['map', (s: string) => s.normalize('NFD').toUpperCase()]] },
  { kinds: ['string'], steps: () => [['filter', (s: string) => !/^[aeiou]/u.test(s)]] },
  { kinds: ['number'], steps: () => [['map', (x: number) => [...String(x)].length]] },
  {
    kinds: ['string'],
    steps: k => [['map', (s: string) => [s.replace(/[a-m]/g, ''), s.at(0) === 'a' ? k : 1]]],
    changes: { kind: 'pair' },
  },
  {
    kinds: ['pair'],
    steps: () => [['filter', ([key, n]: [string, number]) => [...key].length !== n]],
  },
  { kinds: ['pair'], steps: k => [['mapValues', (n: number) => Number(n.toFixed(k % 3))]] },
  { kinds: ['string'], steps: k => [['map', (s: string) => s.slice(k % 3) + 'é'.repeat(k % 2)]] },
  {
    kinds: ['number'],
    steps: k => [['map', (x: number) => [`key ${Math.abs(x) % (k + 1)}`, x]]],
    changes: { kind: 'pair' },
  },
  { kinds: ['string'], steps: () => [['map', (s: string) => [s, 1]]], changes: { kind: 'pair' } },
  {
    kinds: ['pair'],
    steps: () => [['map', ([key]: [string, number]) => key]],
    changes: { kind: 'string' },
  },
  {
    kinds: ['pair'],
    steps: () => [['map', (pair: [string, number]) => pair[1]]],
    changes: { kind: 'number' },
  },
  {
    // Other keys than an exchange before may have placed the rows by.
    kinds: ['pair'],
    steps: () => [
      ['map', ([key, n]: [string, number]) => [n % 2 === 0 ? 'even' : key.slice(-1), n]],
    ],
  },
  {
    kinds: ['pair'],
    steps: k => [
      ['map', ([key, n]: [string, number]) => [key.length % 2, n]],
      ['reduceByKey', (a: number, b: number) => a + b, ...(k > 4 ? [k] : [])],
      ['map', ([key, n]: [number, number]) => [String(key), n]],
    ],
    changes: exchanged,
  },
  { kinds: ['number'], steps: k => [['filter', (x: number) => x % 3 !== k % 3]] },
  { kinds: ['string'], steps: k => [['filter', (s: string) => s.length > k || s === '']] },
  {
    kinds: ['pair'],
    steps: () => [['filter', ([key, n]: [string, number]) => key !== '' && n >= 0]],
  },
  { kinds: ['number'], steps: k => [['flatMap', (x: number) => (x % 2 === 0 ? [x, k] : [])]] },
  { kinds: ['string'], steps: () => [['flatMap', (s: string) => s.split(' ')]] },
  { kinds: ['pair'], steps: k => [['flatMap', (pair: unknown) => new Array(k % 3).fill(pair)]] },
  {
    kinds: all,
    steps: k => [
      [
        'mapPartitions',
        function* (rows: Iterable<unknown>) {
          for (const row of rows) {
            yield row
            if (k === 0) yield row
          }
        },
      ],
    ],
  },
  {
    kinds: all,
    needs: 'placed',
    steps: () => [['glom'], ['map', (rows: unknown[]) => [`${rows.length} rows`, rows.length]]],
    changes: { kind: 'pair' },
  },
  { kinds: all, steps: () => [['glom'], ['flatMap', (rows: unknown[]) => rows]] },
  { kinds: ['pair'], steps: k => [['mapValues', (n: number) => n + k]] },
  { kinds: ['pair'], steps: k => [['flatMapValues', (n: number) => (k < 2 ? [] : [n, k])]] },
  { kinds: all, steps: () => [['tap', (row: unknown) => String(row)]] },
  { kinds: ['number'], steps: k => [['mapAsync', (x: number) => x - k, { concurrency: k + 1 }]] },
]

/** 0 and -0 are equal to a key and to an order, but not to a comparison of results. */
const oneZero: Step = ['map', (x: unknown) => (x === 0 ? 0 : x)]

const exchanges: Rule[] = [
  { kinds: all, steps: k => [['repartition', k + 1]], changes: exchanged },
  {
    kinds: ['number'],
    steps: () => [['reduce', (a: number, b: number) => a + b]],
    changes: { ordered: true, placed: false },
  },
  {
    kinds: ['string'],
    needs: 'ordered',
    steps: () => [['reduce', (a: string, b: string) => `${a} ${b}`]],
    changes: { placed: false },
  },
  {
    kinds: ['string'],
    steps: () => [['reduce', (a: string, b: string) => (a < b ? a : b)]],
    changes: { ordered: true, placed: false },
  },
  {
    kinds: all,
    steps: () => [['count']],
    changes: { kind: 'number', ordered: true, placed: false },
  },
  {
    kinds: ['string', 'number'],
    steps: k => [
      ['countByValue', ...(k > 4 ? [k] : [])],
      ['map', ([value, n]: [unknown, number]) => [String(value), n]],
    ],
    changes: { ...exchanged, kind: 'pair' },
  },
  {
    kinds: ['string', 'number'],
    steps: k => [oneZero, ['distinct', ...(k > 4 ? [k] : [])]],
    changes: exchanged,
  },
  {
    kinds: ['pair'],
    steps: k => [['reduceByKey', (a: number, b: number) => a + b, ...(k > 4 ? [k] : [])]],
    changes: exchanged,
  },
  {
    kinds: ['pair'],
    needs: 'ordered',
    steps: () => [['reduceByKey', (first: number) => first]],
    changes: exchanged,
  },
  {
    kinds: ['pair'],
    steps: () => [
      ['groupByKey'],
      // Groups of unordered streams come in any order: sorted, they can be compared.
      [
        'flatMapValues',
        (values: number[]) => values.toSorted((a, b) => a - b).map((v, i) => v + i),
      ],
    ],
    changes: exchanged,
  },
  {
    kinds: ['pair'],
    needs: 'ordered',
    steps: () => [
      ['groupByKey'],
      ['map', ([key, values]: [string, number[]]) => `${key}:${values}`],
    ],
    changes: { ...exchanged, kind: 'string' },
  },
  {
    kinds: ['pair'],
    steps: () => [
      [
        'combineByKey',
        (v: number) => ({ n: 1, sum: v }),
        (all: { n: number; sum: number }, v: number) => ({ n: all.n + 1, sum: all.sum + v }),
        (a: { n: number; sum: number }, b: { n: number; sum: number }) => ({
          n: a.n + b.n,
          sum: a.sum + b.sum,
        }),
      ],
      ['mapValues', ({ n, sum }: { n: number; sum: number }) => sum * 100 + n],
    ],
    changes: exchanged,
  },
]

const slides: Rule = {
  kinds: all,
  steps: (k, { slide }) => [['window', (1 + (k % 3)) * slide * 1000, (1 + (k % 2)) * slide * 1000]],
  changes: (k, { slide }) => ({ slide: (1 + (k % 2)) * slide }),
}

const several: Rule[] = [
  slides,
  { kinds: all, needs: 'unwindowed', steps: k => [['window', (1 + (k % 4)) * 1000]] },
  { kinds: all, steps: () => [['union', here()]] },
  { kinds: ['number'], steps: k => [['union', here(['map', (x: number) => x + k])]] },
  { kinds: ['number'], needs: 'unwindowed', steps: () => [['union', from(1)]] },
  {
    kinds: all,
    steps: k => [
      [
        'transform',
        (rdd: any, time: number) =>
          Number(time) % (1000 * (k + 1)) === 0 ? rdd : rdd.filter((row: unknown) => row !== ''),
      ],
    ],
  },
  {
    kinds: ['pair'],
    steps: () => [
      ['transform', (rdd: any) => rdd.reduceByKey((a: number, b: number) => Math.max(a, b))],
    ],
    changes: exchanged,
  },
  {
    kinds: all,
    steps: () => [['transformWith', here(), (a: any, b: any) => b.union(a)]],
  },
  {
    kinds: ['pair'],
    steps: k => [
      [
        'transformWith',
        here(['mapValues', (n: number) => n * k]),
        (a: any, b: any) => a.union(b).reduceByKey((x: number, y: number) => x + y),
      ],
    ],
    changes: exchanged,
  },
]

/** What is understood to the last detail, what is only pure, and what is neither. */
const forGears: Rule[] = [
  { kinds: ['string'], steps: () => [['map', (s: string) => s.normalize().toUpperCase()]] },
  { kinds: ['string'], steps: () => [['map', (s: string) => s.trim().toLowerCase()]] },
  {
    kinds: ['string'],
    steps: k => {
      const stop = new Set(['a', '', String(k)])
      return [['filter', (s: string) => !stop.has(s)]]
    },
  },
  {
    kinds: ['string'],
    steps: k => [['map', (s: string) => `${s.startsWith('a') ? s : s.slice(1)}-${s.length + k}`]],
  },
  {
    kinds: ['number'],
    steps: k => [['map', (x: number) => Math.floor((x > k ? x : -x) / (k + 1))]],
  },
  { kinds: ['number'], steps: k => [['filter', (x: number) => (x | 0) % 2 === 0 || x > k]] },
  {
    kinds: ['pair'],
    steps: k => [['mapValues', (n: number) => Math.round(Math.min(n, k) * 1.5)]],
  },
  {
    kinds: ['pair'],
    steps: () => [['reduceByKey', (a: number, b: number) => (a > b ? a : b + 0)]],
    changes: exchanged,
  },
  {
    kinds: ['pair'],
    steps: k => [
      ['map', ([key, n]: [string, number]) => [[key, n % (k + 1)], n]],
      ['reduceByKey', (a: number, b: number) => Math.min(a, b)],
      ['map', ([[key, m], n]: [[string, number], number]) => [`${key}/${m}`, n]],
    ],
    changes: exchanged,
  },
]

const add = (a: number, b: number): number => a + b

const sums = StateSpec.function((_: string, n: number | undefined, state: State<number>) => {
  if (!state.isTimingOut()) state.update((state.getOption() ?? 0) + (n ?? 0))
})

/** Pairs of key and sum; some keys are forgotten, and what they come to is then an object. */
const running = StateSpec.function(
  (key: string, n: number | undefined, state: State<number | { sum: number }>) => {
    const before = state.getOption() ?? 0
    const sum = (typeof before === 'number' ? before : before.sum) + (n ?? 0)
    if (state.isTimingOut()) return [`${key} is out`, sum]
    if (sum % 7 === 3) state.remove()
    else state.update(sum % 2 === 0 ? sum : { sum })
    return sum % 5 === 4 ? undefined : [key, sum]
  },
)
const remove = (a: number, b: number): number => a - b

/** What brings streams, or batches, together. */
const together: Rule[] = [
  ...(['join', 'leftOuterJoin', 'rightOuterJoin', 'fullOuterJoin'] as const).map(
    (name): Rule => ({
      kinds: ['pair'],
      // One value a key on either side, or products would grow beyond measure.
      steps: k => [
        ['reduceByKey', add],
        [
          name,
          here(
            ['filter', ([, n]: [string, number]) => n % 2 === k % 2],
            ['reduceByKey', (a: number, b: number) => Math.max(a, b)],
          ),
        ],
        ['mapValues', ([a, b]: [number?, number?]) => (a ?? 1000) * 3 + (b ?? 500)],
      ],
      changes: exchanged,
    }),
  ),
  {
    kinds: ['pair'],
    steps: () => [
      ['reduceByKey', add],
      ['cogroup', here(['reduceByKey', (a: number, b: number) => Math.min(a, b)])],
      ['mapValues', ([a, b]: [number[], number[]]) => a[0]! - b[0]!],
    ],
    changes: exchanged,
  },
  {
    kinds: ['pair'],
    needs: 'unwindowed',
    steps: k => [
      [
        'updateStateByKey',
        (values: number[], sum: number | undefined) => {
          const next = values.reduce((a, b) => a + b, sum ?? 0)
          return next % 7 === k ? undefined : next
        },
      ],
    ],
    changes: exchanged,
  },
  {
    // States that do not depend on the order of a batch's records.
    kinds: ['pair'],
    needs: 'unwindowed',
    steps: k => [['mapWithState.stateSnapshots', k < 5 ? sums : sums.timeout(500 * k)]],
    changes: exchanged,
  },
  {
    kinds: ['pair'],
    needs: 'ordered',
    steps: (k, { slide }) => [['mapWithState', k < 5 ? running : running.timeout(k * slide * 500)]],
    changes: exchanged,
  },
  {
    kinds: ['pair'],
    steps: (k, { slide }) => [
      [
        'reduceByKeyAndWindow',
        add,
        remove,
        (1 + (k % 3)) * slide * 1000,
        (1 + (k % 2)) * slide * 1000,
      ],
    ],
    changes: (k, { slide }) => ({ ...exchanged, slide: (1 + (k % 2)) * slide }),
  },
  { kinds: all, steps: () => [['sortBy', (row: unknown) => String(row)]], changes: exchanged },
  {
    kinds: ['string', 'number'],
    steps: k => [oneZero, ['topK', k * 2]],
    changes: { ordered: true, placed: false },
  },
  {
    kinds: ['pair'],
    steps: (k, { slide }) => [
      ['sessionWindow', (1 + (k % 3)) * slide * 1000],
      ['mapValues', ({ start, end, values }: any) => end - start + values.length],
    ],
    changes: exchanged,
  },
  { kinds: ['pair'], steps: k => [['partitionBy', k + 1]], changes: exchanged },
]

const rules: readonly Rule[] = [...narrow, ...exchanges, ...several, ...forGears, ...together]

/** A step chosen by number: `choice` among the rules that fit, and `k` for the rule's own use. */
interface Choice {
  readonly choice: number
  readonly k: number
}

export interface RandomPipeline {
  readonly steps: readonly Step[]
  readonly compare: Compare
}

function fits(rule: Rule, shape: Shape): boolean {
  if (!rule.kinds.includes(shape.kind)) return false
  // A stream with a longer slide can meet neither the input nor a window of any duration.
  if (rule.needs === 'unwindowed') return shape.slide === 1
  return rule.needs === undefined || shape[rule.needs]
}

/** How each kind of rows is made from the numbers of the input. */
const starts: Readonly<Record<Kind, Step[]>> = {
  number: [],
  string: [['map', (x: number) => ['', 'a b', ' c', 'ü a long run of words'][Math.abs(x) % 4]]],
  pair: [['map', (x: number) => [`key ${Math.abs(x) % 5}`, x]]],
}

export const kinds: fc.Arbitrary<Kind> = fc.constantFrom(...all)

/** Folds choices into a pipeline over an input of numbers, first made into rows of a kind. */
export function pipelineOf(kind: Kind, choices: readonly Choice[]): RandomPipeline {
  let shape: Shape = { kind, ordered: true, placed: true, slide: 1 }
  const steps: Step[] = [...starts[kind]]
  for (const { choice, k } of choices) {
    const fit = rules.filter(rule => fits(rule, shape))
    const rule = fit[choice % fit.length]!
    steps.push(...rule.steps(k, shape))
    const { changes = {} } = rule
    shape = { ...shape, ...(typeof changes === 'function' ? changes(k, shape) : changes) }
  }
  return { steps, compare: shape.ordered ? 'list' : 'set' }
}

/** Choices for up to six steps. */
export const choices: fc.Arbitrary<Choice[]> = fc.array(
  fc.record({ choice: fc.nat(999), k: fc.nat(9) }),
  { minLength: 1, maxLength: 8 },
)

const numbers = fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 12 })

/** How often each batch is repeated; with many rows several tasks share a stage. */
export const scales: fc.Arbitrary<number> = fc.oneof(
  { arbitrary: fc.constant(1), weight: 9 },
  { arbitrary: fc.constant(1000), weight: 1 },
)

/** The batches `scale` times over, with other numbers in every round. */
export function scaled(input: Batches, scale: number): Batches {
  const round = (rows: readonly number[], n: number) => rows.map(row => row + (n % 7))
  return input.map(rows => rows && Array.from({ length: scale }, (_, n) => round(rows, n)).flat())
}

/** Batches of numbers, some empty and, seldom, one without RDD. */
export const batches: fc.Arbitrary<Batches> = fc.array(
  fc.oneof({ arbitrary: numbers, weight: 30 }, { arbitrary: fc.constant(null), weight: 1 }),
  { minLength: 1, maxLength: 6 },
)
