/** The registry of workloads. */
import type { WorkloadName } from '../arguments.ts'
import type { DataFile } from '../generate.ts'
import type { Job } from './job.ts'
import { openLines, plainPureWordCount, plainWordCount } from './w1.ts'
import { openPairs, plainKeyedSum, plainSkewedSum } from './w2.ts'
import { openW6, plainNumbers } from './w6.ts'

export interface Workload {
  readonly title: string
  /** What a row is, for the table. */
  readonly rowName: string
  /** The files to generate where no folder is given. */
  readonly files: readonly DataFile[]
  /** Throws UsageError where a folder lacks the data or holds something else. */
  validate(folder: string): unknown
  /** The obvious single-threaded JavaScript. */
  plain(folder: string, batches?: number): Job
}

export const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = {
  W1: {
    title: 'word count',
    rowName: 'words',
    files: ['w1.txt'],
    validate: openLines,
    plain: plainWordCount,
  },
  W2: {
    title: 'keyed sum',
    rowName: 'pairs',
    files: ['w2_keys.f64', 'w2_vals.f64'],
    validate: openPairs,
    plain: plainKeyedSum,
  },
  W6: {
    title: 'filter, map, filter, count',
    rowName: 'numbers',
    files: ['w6.f64'],
    validate: openW6,
    plain: plainNumbers,
  },
  'W1-pure': {
    title: 'word count with a filter and a map that no kernel knows',
    rowName: 'words',
    files: ['w1.txt'],
    validate: openLines,
    plain: plainPureWordCount,
  },
  'W2-skew': {
    title: 'keyed sum, one key with half of the rows',
    rowName: 'pairs',
    files: ['w2_keys.f64', 'w2_vals.f64'],
    validate: openPairs,
    plain: plainSkewedSum,
  },
}
