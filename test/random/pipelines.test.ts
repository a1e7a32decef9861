/**
 * Random pipelines over random batches give what the oracle gives.
 *
 * What it can't catch: keys and values of odd types (the tables in test/ops have those), the order
 * of rows after an exchange, and closures that are hard to ship.
 */
import fc from 'fast-check'
import { runStream } from 'pelton/testing'
import { expect, test } from 'vitest'
import { comparable } from '../conformance/canonical.ts'
import { runRestored } from '../conformance/restored.ts'
import { applySteps, type Batches, Branch, runOracle, type Step } from '../oracle.ts'
import { batches, choices, kinds, pipelineOf, scaled, scales } from './generator.ts'

/** The pipeline as one would type it, for the message of a failure. */
function written(steps: readonly Step[]): string {
  const argument = (arg: unknown): string => {
    if (!(arg instanceof Branch))
      return typeof arg === 'function' ? String(arg) : JSON.stringify(arg)
    return `${arg.from === 'here' ? 'here' : `input ${arg.from}`}${written(arg.steps)}`
  }
  return steps.map(([name, ...args]) => `\n  .${name}(${args.map(argument).join(', ')})`).join('')
}

type Outcome = { readonly rows: string[][] } | { readonly error: string }

/** Errors are the same when their sentences are; the times and what is said beside may differ. */
const sentences = [
  'Could not generate RDD from a parent for unifying at time',
  "Couldn't generate RDD from parent at time",
]

function failure(error: unknown): Outcome {
  const message = error instanceof Error ? error.message : String(error)
  return { error: sentences.find(sentence => message.includes(sentence)) ?? message }
}

/** Batches until a window that slides slowly has its next result. */
const slidesMax = 8

const property = fc.asyncProperty(
  kinds,
  choices,
  batches,
  batches,
  scales,
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 2 }),
  fc.constantFrom('auto', 'lifted', 'distinct', 'row'),
  fc.integer({ min: 1, max: 10 }),
  async (kind, chosen, first, second, scale, partitions, workers, gear, one) => {
    const { steps, compare } = pipelineOf(kind, chosen)
    const inputs: readonly Batches[] = [scaled(first, scale), scaled(second, scale)]
    const oracle = (batches?: number): Outcome => {
      try {
        const all = runOracle(steps, { inputs, partitions, ...(batches && { batches }) })
        return { rows: comparable(all.filter(rows => rows !== null) as unknown[][], compare) }
      } catch (error) {
        return failure(error)
      }
    }
    let expected = oracle()
    const build = (...args: any[]): any => applySteps(steps, args.slice(0, -1), args.at(-1))
    const common = { inputs, partitions, build }
    // Every tenth one is taken up again after each batch.
    const running =
      one === 1
        ? runRestored({ ...common, context: { gear } })
        : (runStream({ ...common, workers, gear } as any) as Promise<unknown[][]>)
    const actual = await running.then(rows => ({ rows: comparable(rows, compare) }), failure)
    if ('error' in actual && 'rows' in expected) {
      // States are computed in every batch: what they lack fails before a result asks for it.
      const batches = Math.max(...inputs.map(input => input.length))
      expected = oracle(batches + slidesMax)
    }
    expect(actual, `the pipeline${written(steps)}\n`).toEqual(expected)
  },
)

test('random pipelines equal the oracle', async () => {
  await fc.assert(property, { numRuns: Number(process.env.PELTON_TEST_RUNS ?? 2000) })
}, 300_000)
