/**
 * Spark's own test data for DStream operators, through Pelton and through the oracle.
 *
 * What it can't catch: order within batches that Spark compares as sets, and what happens in the
 * batches before an expected error, which Spark's suites don't compare either.
 */
import { DStream, StreamingContext } from 'pelton'
import { runStream } from 'pelton/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { comparable } from '../conformance/canonical.ts'
import { applySteps, runOracle, type Step } from '../oracle.ts'
import { operatorsOf, type SparkCase, sparkCases, stateStepsOf, stepsOf } from './cases.ts'

/** Cases that wait for an operator. One whose operators all exist must leave this table. */
const later: Record<string, readonly string[]> = {}

const waiting = new Map(
  Object.entries(later).flatMap(([operator, ids]) => ids.map(id => [id, operator] as const)),
)
const cases = sparkCases('dstream', 'dstream-binary')
const states = sparkCases('mapWithState')
let ran = 0

const exists = (operator: string): boolean =>
  operator.startsWith('ssc.')
    ? operator.slice(4) in StreamingContext.prototype
    : operator in DStream.prototype

const inputsOf = (one: SparkCase) => (one.input2 ? [one.input, one.input2] : [one.input])

function run(one: SparkCase, steps: readonly Step[], workers: number): Promise<unknown[][]> {
  return runStream({
    ...(one.input2 ? { inputs: inputsOf(one) } : { input: one.input }),
    batchInterval: one.params.batchMs ?? 1000,
    batches: one.numBatches,
    partitions: one.params.numInputPartitions ?? 2,
    workers,
    build: (...args: any[]) => applySteps(steps, args.slice(0, -1), args.at(-1)),
  } as any) as Promise<unknown[][]>
}

/** Spark's `repartition` property: exactly so many partitions, and the same rows in them. */
async function checkRepartition(one: SparkCase, workers: number): Promise<void> {
  const steps = stepsOf(one)
  const batches = await run(one, [...steps, ['glom']], workers)
  expect(batches.map(partitions => partitions.length)).toEqual(one.input.map(() => steps[0]![1]))
  expect(
    comparable(
      batches.map(partitions => partitions.flat()),
      'set',
    ),
  ).toEqual(comparable(one.input as unknown[][], 'set'))
}

async function check(one: SparkCase, workers: number): Promise<void> {
  const steps = stepsOf(one)
  if (one.compare === 'property') return checkRepartition(one, workers)
  const sentence = one.expectedError?.message ?? one.expectedError?.messageContains
  if (sentence !== undefined) {
    await expect(run(one, steps, workers)).rejects.toThrow(sentence)
    return
  }
  const compare = one.compare as 'list' | 'set'
  const batches = optionsOf(one, await run(one, steps, workers))
  expect(comparable(batches, compare)).toEqual(comparable(one.expected!, compare))
}

/** Cases write an absent side of an outer join as null, where Pelton has undefined. */
function optionsOf(one: SparkCase, batches: readonly (readonly unknown[])[]) {
  if (!one.op.endsWith('OuterJoin')) return batches
  const pairs = batches as [unknown, unknown[]][][]
  return pairs.map(rows => rows.map(([key, sides]) => [key, sides.map(side => side ?? null)]))
}

/** The oracle must pass Spark's cases too, or it could not judge anything else. */
function checkOracle(one: SparkCase): void {
  const oracle = () =>
    runOracle(stepsOf(one), { inputs: inputsOf(one), batches: one.numBatches, partitions: 2 })
  if (one.expectedError) {
    expect(oracle).toThrow(one.expectedError.message ?? one.expectedError.messageContains)
  } else if (one.expected) {
    const compare = one.compare as 'list' | 'set'
    const batches = optionsOf(
      one,
      oracle().filter(rows => rows !== null),
    )
    expect(comparable(batches, compare)).toEqual(comparable(one.expected, compare))
  }
}

describe('cases of Spark’s suites', () => {
  for (const one of cases) {
    const operator = waiting.get(one.id)
    if (operator !== undefined) {
      test(`${one.id} waits for ${operator}`, () => {
        expect(exists(operator), `${operator} exists: run ${one.id}, don't list it`).toBe(false)
      })
      continue
    }
    test(one.id, async () => {
      const missing = operatorsOf(stepsOf(one)).filter(name => !exists(name))
      expect(missing, 'operators that neither exist nor are listed as later').toEqual([])
      checkOracle(one)
      for (const workers of [1, 2]) await check(one, workers)
      ran++
    })
  }

  for (const one of states) {
    test(one.id, async () => {
      const steps = stateStepsOf(one)
      const last = steps.at(-1)!
      const snapshots: Step[] = [...steps.slice(0, -1), [`${last[0]}.stateSnapshots`, last[1]]]
      for (const workers of [1, 2]) {
        expect(comparable(await run(one, steps, workers), 'set')).toEqual(
          comparable(one.expected!, 'set'),
        )
        expect(comparable(await run(one, snapshots, workers), 'set')).toEqual(
          comparable(one.expectedState!, 'set'),
        )
      }
      ran++
    })
  }

  test('the table names cases of the file only', () => {
    const ids = new Set(cases.map(one => one.id))
    expect([...waiting.keys()].filter(id => !ids.has(id))).toEqual([])
  })

  afterAll(() => {
    console.log(
      `Spark cases: ${ran} ran, ${waiting.size} later, of ${cases.length + states.length}`,
    )
  })
})
