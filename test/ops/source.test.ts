import { operatorConformance } from '../conformance/operator.ts'
import { mixed } from '../conformance/values.ts'

const lengths = [['glom'], ['map', (rows: unknown[]) => rows.length]] as const

operatorConformance('source', [
  {
    name: 'gives the rows of each batch in their order',
    input: [[3, 1, 2], ['b', 'a'], mixed, []],
    steps: [],
    expected: [[3, 1, 2], ['b', 'a'], mixed, []],
  },
  {
    name: 'has no entry for a batch without RDD, but one for an empty batch',
    input: [null, [], null, [1]],
    steps: [],
    expected: [[], [1]],
  },
  {
    name: 'is empty past its end',
    input: [[1]],
    batches: 3,
    steps: [],
    expected: [[1], [], []],
  },
  ...[0, 1, 2, 6, 7, 8, 13, 100].map(n => ({
    name: `cuts ${n} rows as Spark’s parallelize does`,
    input: [Array.from({ length: n }, (_, i) => i)],
    steps: lengths,
  })),
  {
    name: 'cuts a batch the same way whatever the rows are',
    input: [mixed],
    steps: [['glom']],
  },
])
