import type { StreamingContext } from 'pelton'
import { runStream } from 'pelton/testing'
import { describe, expect, test } from 'vitest'
import { forcedPlacement, partRows } from '../../src/context.ts'
import type { Placement } from '../../src/engine/placement.ts'
import { applySteps, type Batches, runOracle, type Step } from '../oracle.ts'
import { type Compare, comparable } from './canonical.ts'
import { runRestored } from './restored.ts'

interface CommonCase {
  readonly name: string
  /** Batches in. Either one input or, for operators of several streams, `inputs`. */
  readonly input?: Batches
  readonly inputs?: readonly Batches[]
  /** What of a batch must be equal; `list` unless said otherwise. */
  readonly compare?: Compare
  /** Batches to run when more than the inputs have. */
  readonly batches?: number
  readonly batchInterval?: number
  /** Whether it gives the same when each batch goes on from a snapshot; true by default. */
  readonly restores?: boolean
  /** A sentence that the job's error contains; then there is no result. */
  readonly error?: string
}

/** A pipeline as data: it runs on the oracle too, so that every variant can be checked. */
interface StepsCase extends CommonCase {
  readonly steps: readonly Step[]
  /** Batches out, with no entry where the stream has no RDD. The oracle must agree. */
  readonly expected?: Batches
}

/** A pipeline in the API's own words: only variants that can't change the result are run. */
interface BuildCase extends CommonCase {
  readonly build: (...streamsThenContext: any[]) => any
  readonly expected?: Batches
}

export type OperatorCase = StepsCase | BuildCase

interface Variant {
  readonly label: string
  /** Variants of one layout differ in nothing that may change even the order of rows. */
  readonly layout: string
  readonly partitions: number
  readonly workers: number
  readonly gear?: 'distinct' | 'row'
  /** Where its stages go; by their cost where it is not given. */
  readonly placement: Placement | undefined
  /** Whether a worker dies in each batch. */
  readonly dies?: boolean
  /** Whether each batch has a context of its own, which goes on from a snapshot of the last. */
  readonly restores?: boolean
  /** Whether no result is forgotten. */
  readonly remembers?: boolean
  /** Rows of a partition that kernels may hold. */
  readonly partRows?: number
  readonly inputs: readonly Batches[]
  readonly batches: number
}

/** The same batches in other clothes; results must not depend on any of it. */
function variants(one: OperatorCase): Variant[] {
  const inputs = one.inputs ?? [one.input ?? []]
  const batches = one.batches ?? Math.max(...inputs.map(input => input.length))
  const longest = Math.max(1, ...inputs.flat().map(rows => rows?.length ?? 0))
  const found: Variant[] = []
  const places = [
    { workers: 1, placement: 'one' },
    { workers: 2, placement: 'all' },
    { workers: 1, placement: 'inline' },
  ] as const
  for (const { workers, placement } of places) {
    const add = (layout: string, partitions: number, more: Partial<Variant> = {}): void => {
      const label = `${layout}, workers: ${workers}, placement: ${placement}`
      found.push({ label, layout, partitions, workers, placement, inputs, batches, ...more })
    }
    add('1 partition', 1)
    add('7 partitions', 7)
    if (longest !== 1 && longest !== 7) add('1 row a partition', longest)
    if ('steps' in one) {
      const spread = inputs.map(input => input.flatMap(rows => [rows, []]))
      add('empty batches between', 2, { inputs: spread, batches: 2 * batches })
    }
  }
  for (const gear of ['distinct', 'row'] as const) {
    const label = `7 partitions, gear: ${gear}`
    const common = { layout: '7 partitions', partitions: 7, workers: 1, inputs, batches }
    found.push({ label, gear, placement: 'one', ...common })
  }
  const shared = { workers: 2, inputs, batches }
  const cut = { layout: '2 partitions', partitions: 2, placement: 'cut' } as const
  found.push({ label: '2 partitions, cut into rows', ...cut, ...shared })
  const twins = { layout: '7 partitions', partitions: 7, placement: 'twins' } as const
  found.push({ label: '7 partitions, each task twice', ...twins, ...shared })
  const kept = { layout: '7 partitions', partitions: 7, workers: 1, placement: 'one' } as const
  found.push({ label: 'nothing forgotten', remembers: true, inputs, batches, ...kept })
  const restored = { ...kept, layout: 'restored', partitions: 3 }
  const { restores = true } = one
  const label = 'restored after every batch, in another number of workers'
  if (restores) found.push({ label, restores, inputs, batches, ...restored })
  for (const partitions of [1, 7]) {
    const [layout, placement] = [`${partitions} partitions, of parts`, 'all'] as const
    const common = { partitions, workers: 2, placement, inputs, batches, partRows: 1 }
    found.push({ label: layout, layout, ...common })
  }
  return found
}

/** Has workers die in the midst of every batch: behind its first tasks, and some tasks later. */
function endWorkers(ssc: StreamingContext): void {
  const { pool } = ssc.session.runtime
  let batch = 0
  let tasks = 0
  let dies = 0
  ssc.on('batchStarted', () => {
    batch++
    tasks = dies = 0
  })
  ssc.on('taskCompleted', () => {
    tasks++
    const isDue = tasks > (dies === 0 ? batch % 3 : 6 + (batch % 5))
    if (isDue && dies < 2 && pool.endWorker()) dies++
  })
}

const everMs = 1e9
const oneLine = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What the variant must give: batches or the sentence of an error. */
function expectation(one: OperatorCase, variant: Variant): { rows?: Batches; error?: string } {
  if (one.error !== undefined) return { error: one.error }
  if (!('steps' in one)) return { rows: one.expected ?? [] }
  const all = runOracle(one.steps, { ...variant, batchInterval: one.batchInterval ?? 1000 })
  return { rows: all.filter(rows => rows !== null) }
}

/** Runs a variant against the oracle and resolves to its batches, rows in the order they came. */
async function check(one: OperatorCase, variant: Variant): Promise<string[][]> {
  const expected = expectation(one, variant)
  const running = (variant.restores ? runRestored : runStream)({
    inputs: variant.inputs,
    batchInterval: one.batchInterval ?? 1000,
    batches: variant.batches,
    partitions: variant.partitions,
    workers: variant.workers,
    ...(variant.gear && { gear: variant.gear }),
    context: { [forcedPlacement]: variant.placement, [partRows]: variant.partRows },
    build: (...args: any[]) => {
      const ssc: StreamingContext = args.at(-1)
      if (variant.remembers) ssc.remember(everMs)
      if (variant.dies) endWorkers(ssc)
      return 'steps' in one
        ? applySteps(one.steps, args.slice(0, -1), args.at(-1))
        : one.build(...args)
    },
  } as any) as Promise<unknown[][]>
  if (expected.error !== undefined) {
    const outcome = await running.then(
      rows => `no error but ${JSON.stringify(rows)}`,
      error => oneLine(error),
    )
    expect(outcome, variant.label).toContain(expected.error)
    return []
  }
  const actual = await running
  const compare = one.compare ?? 'list'
  expect(comparable(actual, compare), variant.label).toEqual(
    comparable(expected.rows as unknown[][], compare),
  )
  return comparable(actual, 'list')
}

/** Runs all variants. Those of one layout must agree in the order of rows as well. */
async function checkAll(one: OperatorCase): Promise<void> {
  const ordered = new Map<string, string[][]>()
  for (const variant of variants(one)) {
    const rows = await check(one, variant)
    const before = ordered.get(variant.layout)
    if (before) expect(rows, `${variant.label}: order of rows`).toEqual(before)
    else ordered.set(variant.layout, rows)
  }
}

/**
 * Defines one test for every case: the pipeline runs with 1 partition, 7 partitions, one row a
 * partition and empty batches in between, each as one task, as a task a partition on 2 workers, and
 * on the main thread, in the slower gears, with every result kept, with partitions in parts, cut
 * into rows where they can be, and with each task run by two workers at once; every run must equal
 * the oracle, and the oracle the table. Neither where a stage runs nor the gear may change even an
 * order of rows that the operator leaves open. That nothing stays behind in the arena is checked by
 * `runStream` itself. The first and the last case run once more with so many rows that several
 * tasks share a stage, and so while workers die in every batch.
 *
 * What it can't catch: what the oracle and the table get wrong together.
 *
 * @example
 * operatorConformance('map', [
 *   {
 *     name: 'doubles',
 *     input: [[1, 2], []],
 *     steps: [['map', (x: number) => x * 2]],
 *     expected: [[2, 4], []],
 *   },
 * ])
 */
export function operatorConformance(operator: string, cases: readonly OperatorCase[]): void {
  describe(operator, () => {
    for (const one of cases) {
      test(one.name, async () => {
        if ('steps' in one) checkTable(one)
        await checkAll(one)
      })
    }
    const results = cases.filter(one => 'steps' in one && one.error === undefined) as StepsCase[]
    for (const one of new Set([results[0], results.at(-1)])) {
      if (one) test(`${one.name}, with many rows`, () => checkMany(one))
      if (one) test(`${one.name}, while workers die`, () => checkDeaths(one))
    }
  })
}

/** Rows of the longest batch, so many that a stage is cut into several tasks. */
const manyRows = 10_000

function manyOf(one: StepsCase): Pick<Variant, 'inputs' | 'partitions' | 'batches'> {
  const inputs = one.inputs ?? [one.input ?? []]
  const longest = Math.max(1, ...inputs.flat().map(rows => rows?.length ?? 0))
  const repeated = (rows: readonly unknown[] | null) =>
    rows && Array.from({ length: Math.ceil(manyRows / longest) }, () => rows).flat()
  const batches = one.batches ?? Math.max(...inputs.map(input => input.length))
  return { inputs: inputs.map(input => input.map(repeated)), partitions: 7, batches }
}

/** Each batch's rows over and over, in 7 partitions: these don't fit into one task. */
async function checkMany(one: StepsCase): Promise<void> {
  const many = manyOf(one)
  const runs: string[][][] = []
  for (const placement of [undefined, 'one', 'all', 'inline'] as const) {
    const label = `many rows, placement: ${placement}`
    const layout = 'many rows'
    runs.push(await check(one, { ...many, label, layout, workers: 2, placement }))
  }
  for (const other of runs) expect(other, 'many rows: order of rows').toEqual(runs[0])
}

/** Many rows in tasks of a partition each, of which some die and are run again. */
async function checkDeaths(one: StepsCase): Promise<void> {
  const many = manyOf(one)
  const layout = 'many rows'
  const common = { layout, workers: 2, placement: 'all', ...many } as const
  const sound = await check(one, { label: 'nobody dies', ...common })
  const rows = await check(one, { label: 'workers die', dies: true, ...common })
  expect(rows, 'workers die: order of rows').toEqual(sound)
}

/** The oracle's answer to the table as it is written. */
function checkTable(one: StepsCase): void {
  const inputs = one.inputs ?? [one.input ?? []]
  const { batchInterval = 1000, batches, compare = 'list' } = one
  const run = (): Batches =>
    runOracle(one.steps, { inputs, batchInterval, ...(batches && { batches }), partitions: 1 })
  if (one.error !== undefined) {
    expect(run, 'the oracle').toThrow(one.error)
  } else if (one.expected) {
    const rows = run().filter(batch => batch !== null)
    expect(comparable(rows, compare), 'the oracle').toEqual(
      comparable(one.expected as unknown[][], compare),
    )
  }
}
