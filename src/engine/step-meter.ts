/**
 * What the steps of a program did in one thread: rows, kernels called, and why columns gave up.
 * Counted where it happens, and taken by each task as a list of numbers, which is how it travels.
 */
import { type KernelMeter, kernelNames } from '../columnar/kernels.ts'

/** Why a step ran as a loop over rows, said once a thread. */
export interface StepReason {
  /** Place of the program among those of the task. */
  readonly program: number
  readonly step: number
  readonly reason: string
}

/** What one step did, or, behind the last one, what was done to bring its rows out. */
export interface StepCounts {
  readonly program: number
  readonly step: number
  /** Rows that came in as columns. */
  readonly columnRows: number
  /** Rows that came into the loop over rows that this step is part of. */
  readonly loopRows: number
  /** Values for which JavaScript was called in the midst of columns. */
  readonly called: number
  /** Calls by kernel: number of the kernel, and how often. */
  readonly kernels: readonly (readonly [kernel: number, calls: number])[]
}

const reasonsMax = 64

/** Kernels of the module, once it is loaded. */
let kernelCount = 0

/** Counters of one program in one thread. */
export class StepMeter {
  readonly steps: number
  /** Made when columns run: without them no kernel is loaded. */
  #kernels: Uint32Array | undefined
  readonly #columnRows: Float64Array
  readonly #loopRows: Float64Array
  readonly #called: Float64Array
  /** Rows of a partition that columns may yet give up. */
  readonly #pending: Float64Array
  readonly #said = new Set<string>()
  #reasons: { step: number; reason: string }[] = []

  constructor(steps: number) {
    this.steps = steps
    // One place more, for what is done behind the last step.
    const places = steps + 1
    this.#columnRows = new Float64Array(places)
    this.#loopRows = new Float64Array(places)
    this.#called = new Float64Array(places)
    this.#pending = new Float64Array(places)
  }

  /** Has the kernels' calls counted here, until another program's are. */
  attach(meter: KernelMeter): void {
    kernelCount ||= kernelNames().length
    this.#kernels ??= new Uint32Array((this.steps + 1) * kernelCount)
    meter.counts = this.#kernels
    meter.base = this.steps * kernelCount
    this.#pending.fill(0)
  }

  /** Where a step's kernels are counted, once this is attached. */
  base(step: number): number {
    return step * kernelCount
  }

  /** Whose kernels are counted behind `base`; the last step for what is behind it. */
  stepAt(base: number): number {
    return Math.min(this.steps - 1, base / kernelCount)
  }

  /** Notes rows that came into a step as columns; they count when the partition is done. */
  push(step: number, rows: number): void {
    this.#pending[step]! += rows
  }

  calls(base: number, values: number): void {
    this.#called[base / kernelCount]! += values
  }

  /** The partition is done: columns have not given up. */
  keep(): void {
    const pending = this.#pending
    for (let i = 0; i < pending.length; i++) this.#columnRows[i]! += pending[i]!
  }

  /** Takes back what `keep` counted: columns have given up after all. */
  drop(): void {
    const pending = this.#pending
    for (let i = 0; i < pending.length; i++) this.#columnRows[i]! -= pending[i]!
  }

  /** Notes rows that came into the loop over rows that begins with a step. */
  loop(from: number, rows: number): void {
    for (let i = from; i < this.steps; i++) this.#loopRows[i]! += rows
  }

  /** Notes why a step and those behind it run as a loop over rows. */
  because(step: number, reason: string): void {
    // Without steps, nothing of the user's is slower for it.
    if (step >= this.steps) return
    const key = `${step} ${reason}`
    if (this.#said.has(key) || this.#said.size >= reasonsMax) return
    this.#said.add(key)
    this.#reasons.push({ step, reason })
  }

  /** Adds what was counted since the last time to a list, and begins anew. */
  take(program: number, into: number[]): void {
    for (let step = 0; step <= this.steps; step++) {
      const columnRows = this.#columnRows[step]!
      const loopRows = this.#loopRows[step]!
      const start = into.length
      into.push(program, step, columnRows, loopRows, this.#called[step]!, 0)
      const base = step * kernelCount
      let kinds = 0
      for (let kernel = 0; this.#kernels && kernel < kernelCount; kernel++) {
        const calls = this.#kernels[base + kernel]!
        if (calls === 0) continue
        into.push(kernel, calls)
        kinds++
      }
      if (kinds === 0 && columnRows === 0 && loopRows === 0) into.length = start
      else into[start + 5] = kinds
    }
    this.#kernels?.fill(0)
    this.#columnRows.fill(0)
    this.#loopRows.fill(0)
    this.#called.fill(0)
  }

  /** Reasons that this thread has not said yet. */
  takeReasons(program: number, into: StepReason[]): void {
    if (this.#reasons.length === 0) return
    for (const { step, reason } of this.#reasons) into.push({ program, step, reason })
    this.#reasons = []
  }
}

/** The list of `take` as records. */
export function* stepCounts(list: readonly number[]): Generator<StepCounts> {
  for (let at = 0; at < list.length; ) {
    const [program, step, columnRows, loopRows, called, kinds] = list.slice(at, at + 6) as [
      ...[number, number, number, number, number, number],
    ]
    at += 6
    const kernels: [number, number][] = []
    for (let i = 0; i < kinds; i++, at += 2) kernels.push([list[at]!, list[at + 1]!])
    yield { program, step, columnRows, loopRows, called, kernels }
  }
}
