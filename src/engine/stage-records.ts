/** What stages did lately: what `explain()` shows. Noted once a task, in numbers. */
import type { Step } from './dag.ts'
import { mainThread } from './local-runner.ts'
import type { Partitioner } from './operator.ts'
import type { Chain } from './plan.ts'
import type { ProgramRef, TaskResult, Terminal } from './program.ts'
import { leastRecent, type Used } from './recency.ts'
import { type StepCounts, stepCounts } from './step-meter.ts'

/** One run of a stage, or all of its runs in one batch. */
export interface StageRun {
  /** What all of its tasks have in common: the batch, or the job where there is none. */
  readonly runOf: unknown
  tasks: number
  /** Of those, tasks that the main thread ran itself. */
  inline: number
  /** Time of all tasks together. */
  milliseconds: number
  rowsIn: number
  rowsOut: number
  bytesIn: number
  bytesOut: number
}

/** What a step of a stage did since the start. */
export interface StepRecord {
  /** Undefined for what is done behind the last step. */
  readonly step: Step | undefined
  /** Rows that came in as columns, and rows that came into the loop that the step is part of. */
  columnRows: number
  loopRows: number
  /** Values for which JavaScript was called in the midst of columns. */
  called: number
  /** Calls by number of the kernel. */
  readonly kernels: Map<number, number>
  /** Why rows went through the loop, as workers have said. */
  readonly reasons: Set<string>
}

/** What is known of a stage. */
export interface StageRecord extends Used {
  readonly steps: readonly StepRecord[]
  /** Kernels that brought the rows out: into blocks, or to their partitions. */
  readonly output: StepRecord
  /** Partitions that its rows go to, and how; undefined where they stay. */
  readonly exchange: Partitioner | undefined
  /** The last runs, oldest first. */
  readonly runs: StageRun[]
}

/** Where a result comes from. */
export interface TaskOrigin {
  readonly chains: readonly Chain[]
  /** The program of each chain. */
  readonly programs: readonly ProgramRef[]
  readonly terminal: Terminal
  readonly runOf: unknown
}

const recordsMax = 64
const runsMax = 10
const reasonsMax = 4

/** The records of one context; the least recently used go first. */
export class StageRecords {
  /** By number of the program and where its rows go. */
  readonly #records = new Map<string, StageRecord>()
  #uses = 0

  /** All records, in the order of their last use. */
  all(): StageRecord[] {
    return [...this.#records.values()].sort((a, b) => a.lastUse - b.lastUse)
  }

  /** Notes what a task did. Where it ran several chains, the first one has its times and rows. */
  note({ chains, programs, terminal, runOf }: TaskOrigin, result: TaskResult): void {
    const records = chains.map((chain, i) => this.#record(chain, programs[i]!.id, terminal))
    addRun(runIn(records[0]!, runOf), result)
    for (const counts of stepCounts(result.counts)) {
      const record = records[counts.program]!
      addCounts(record.steps[counts.step] ?? record.output, counts)
    }
    for (const { program, step, reason } of result.reasons ?? []) {
      const { reasons } = records[program]!.steps[step]!
      if (reasons.size < reasonsMax) reasons.add(reason)
    }
  }

  #record(chain: Chain, program: number, terminal: Terminal): StageRecord {
    const target = terminal.to === 'exchange' ? terminal.partitioner.partitions : 'blocks'
    const key = `${program} ${target}`
    let record = this.#records.get(key)
    if (!record) {
      if (this.#records.size >= recordsMax) this.#records.delete(leastRecent(this.#records)!)
      this.#records.set(key, (record = newRecord(chain, terminal)))
    }
    record.lastUse = ++this.#uses
    return record
  }
}

/** The run that a task is part of: the last one, or a new one. */
function runIn({ runs }: StageRecord, runOf: unknown): StageRun {
  const last = runs.at(-1)
  // Several jobs of one batch may run the same stage.
  if (last && last.runOf === runOf) return last
  if (runs.length >= runsMax) runs.shift()
  const run = newRun(runOf)
  runs.push(run)
  return run
}

function addRun(run: StageRun, result: TaskResult): void {
  run.tasks++
  if (result.worker === mainThread) run.inline++
  run.milliseconds += result.elapsedMs
  run.rowsIn += result.rowsIn
  run.rowsOut += result.rowsOut
  run.bytesIn += result.bytesIn
  run.bytesOut += result.bytesOut
}

function addCounts(step: StepRecord, counts: StepCounts): void {
  step.columnRows += counts.columnRows
  step.loopRows += counts.loopRows
  step.called += counts.called
  for (const [kernel, calls] of counts.kernels) {
    step.kernels.set(kernel, (step.kernels.get(kernel) ?? 0) + calls)
  }
}

function newRecord({ steps }: Chain, terminal: Terminal): StageRecord {
  return {
    steps: steps.map(newStep),
    output: newStep(undefined),
    exchange: terminal.to === 'exchange' ? terminal.partitioner : undefined,
    runs: [],
    lastUse: 0,
  }
}

function newStep(step: Step | undefined): StepRecord {
  return {
    step,
    columnRows: 0,
    loopRows: 0,
    called: 0,
    kernels: new Map(),
    reasons: new Set(),
  }
}

function newRun(runOf: unknown): StageRun {
  return {
    runOf,
    tasks: 0,
    inline: 0,
    milliseconds: 0,
    rowsIn: 0,
    rowsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
  }
}
