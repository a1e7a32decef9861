/**
 * Steps of a program as loops over rows. Consecutive row kernels are one generated loop; a kernel
 * that pulls its rows stands between two of them:
 *
 *   vectors ─▶ loop (map, filter …) ─▶ mapPartitions ─▶ loop ─▶ sink
 */
import { KeyTable } from '../columnar/keys.ts'
import { notPair, PeltonError, preview } from '../errors.ts'
import { generateLoop, type InputForm, type RowStep } from './codegen.ts'
import type { AsyncKernel, Operator, PartitionKernel, RowSink } from './operator.ts'
import type { ProgramStep, TaskPart } from './program.ts'
import { type Vector, valuesVector } from './vector.ts'

interface Loop {
  open(partition: number, time: number): object
  loop(vector: Vector, state: object, sink: RowSink | undefined): Iterable<unknown> | undefined
  close(state: object, sink: RowSink | undefined): Iterable<unknown> | undefined
}

/** Consecutive row kernels, then perhaps one kernel that pulls. */
interface Segment {
  readonly steps: RowStep[]
  readonly pull: Pull | undefined
  readonly loops: Map<string, Loop>
}

interface Pull {
  readonly kernel: PartitionKernel | AsyncKernel
  readonly step: ProgramStep
  readonly fns: readonly Function[]
}

/** What loops are made of. */
export interface LoopProgram {
  /** The functions of all steps, one behind the other. */
  readonly fns: readonly Function[]
  readonly steps: readonly ProgramStep[]
  /** Segments of the steps from an index on: all of them, and those behind a column plan. */
  readonly segmentsFrom: Map<number, Segment[]>
}

const formsMax = 64
const pullVectorRows = 1024

/** Notes which step was at work on which row, where that is not known yet. */
export function stepError(error: unknown, step: number, row: unknown): StepError {
  return error instanceof StepError ? error : new StepError(error, step, row)
}

/** What generated loops may call; `rt` in their source. */
const runtime = {
  KeyTable,
  notPair(row: unknown): never {
    throw notPair(row)
  },
  notIterable(result: unknown): never {
    throw new PeltonError(
      `flatMap needs a function that returns an iterable, such as an array; ` +
        `it returned ${preview(result)}. ` +
        'Return an array (or use map for one row each)',
      { code: 'NOT_ITERABLE' },
    )
  },
  noWindow(key: unknown): never {
    throw new PeltonError(
      `Neither previous window has value for key, nor new values found: ${preview(key)}. ` +
        'Are you sure your key class hashes consistently?',
      { code: 'WINDOW_STATE' },
    )
  },
  failed: stepError,
}

/** An error on its way out of a loop, with the step and the row at work. */
export class StepError extends Error {
  readonly original: unknown
  readonly step: number
  readonly row: unknown
  constructor(original: unknown, step: number, row: unknown) {
    super('step failed')
    this.original = original
    this.step = step
    this.row = row
  }
}

/** Makes the loops of programs and runs them. */
export class RowLoops {
  readonly #operators: ReadonlyMap<string, Operator>

  constructor(operators: ReadonlyMap<string, Operator>) {
    this.#operators = operators
  }

  /**
   * Runs the steps from `from` on. The sink is opened when the last of them begin; a promise where
   * one of them has to be waited for.
   */
  run(
    program: LoopProgram,
    from: number,
    source: Iterable<Vector>,
    part: TaskPart,
    open: () => RowSink,
  ): Promise<void> | undefined {
    const segments = this.#segments(program, from)
    if (segments.some(({ pull }) => pull?.kernel.form === 'async')) {
      return this.#awaited(program, segments, source, part, open)
    }
    let vectors = source
    for (const segment of segments.slice(0, -1)) {
      vectors = this.#pulled(program, segment, vectors, part)
    }
    this.#pushed(program, segments.at(-1)!, vectors, open(), part)
    return undefined
  }

  async #awaited(
    program: LoopProgram,
    segments: readonly Segment[],
    source: Iterable<Vector>,
    part: TaskPart,
    open: () => RowSink,
  ): Promise<void> {
    let vectors = source
    for (const segment of segments.slice(0, -1)) {
      const { kernel, step, fns } = segment.pull!
      if (kernel.form === 'partition') {
        vectors = this.#pulled(program, segment, vectors, part)
        continue
      }
      const index = program.steps.indexOf(step)
      const failed = (error: unknown, row: unknown) => stepError(error, index, row)
      const rows = this.#lazyRows(program, segment, vectors, part)
      vectors = slicesOf(await kernel.run(rows, fns, step.params, failed))
    }
    this.#pushed(program, segments.at(-1)!, vectors, open(), part)
  }

  /** Pushes vectors through row kernels into a sink. */
  #pushed(
    program: LoopProgram,
    segment: Segment,
    vectors: Iterable<Vector>,
    sink: RowSink,
    { partition, time }: TaskPart,
  ): void {
    let state: object | undefined
    let loop: Loop | undefined
    for (const vector of vectors) {
      loop = this.#loop(program, segment, vector, false)
      state ??= loop.open(partition, time)
      loop.loop(vector, state, sink)
      if (sink.full) break
    }
    loop ??= this.#loop(program, segment, valuesVector([]), false)
    loop.close(state ?? loop.open(partition, time), sink)
  }

  /** The rows of a segment as its pulling kernel gives them, in vectors for the next segment. */
  *#pulled(
    program: LoopProgram,
    segment: Segment,
    vectors: Iterable<Vector>,
    part: TaskPart,
  ): Generator<Vector> {
    const { kernel, step, fns } = segment.pull as Pull & { kernel: PartitionKernel }
    const index = program.steps.indexOf(step)
    const rows = this.#lazyRows(program, segment, vectors, part)
    let held: unknown[] = []
    try {
      const result = kernel.run(rows, fns, step.params, part.number, part.time)
      if (typeof (result as unknown as object)?.[Symbol.iterator as never] !== 'function') {
        throw new PeltonError(
          `${step.label} needs a function that returns an iterable; ` +
            `it returned ${preview(result)}`,
          { code: 'NOT_ITERABLE' },
        )
      }
      for (const row of result) {
        held.push(row)
        if (held.length === pullVectorRows) {
          yield valuesVector(held)
          held = []
        }
      }
    } catch (error) {
      throw stepError(error, index, undefined)
    }
    if (held.length > 0) yield valuesVector(held)
  }

  *#lazyRows(
    program: LoopProgram,
    segment: Segment,
    vectors: Iterable<Vector>,
    { partition, time }: TaskPart,
  ): Generator<unknown> {
    let state: object | undefined
    let loop: Loop | undefined
    for (const vector of vectors) {
      loop = this.#loop(program, segment, vector, true)
      state ??= loop.open(partition, time)
      yield* loop.loop(vector, state, undefined)!
    }
    loop ??= this.#loop(program, segment, valuesVector([]), true)
    yield* loop.close(state ?? loop.open(partition, time), undefined)!
  }

  #loop(program: LoopProgram, segment: Segment, vector: Vector, lazy: boolean): Loop {
    const key = `${vector.formKey}${lazy ? '*' : ''}`
    const found = segment.loops.get(key)
    if (found) return found
    if (segment.loops.size >= formsMax) segment.loops.clear()
    const form: InputForm = vector.form
    const source = generateLoop(segment.steps, form, lazy)
    const loop = new Function('fns', 'rt', source)(program.fns, runtime) as Loop
    segment.loops.set(key, loop)
    return loop
  }

  #segments(program: LoopProgram, from: number): Segment[] {
    const found = program.segmentsFrom.get(from)
    if (found) return found
    const segments: Segment[] = []
    let steps: RowStep[] = []
    let first = 0
    for (const [index, step] of program.steps.entries()) {
      const kernel = this.#operators.get(step.operator)?.kernel
      if (!kernel || kernel.form === 'states') {
        throw new Error(`no kernel over rows for operator ${step.operator}`)
      }
      const functions = step.functions.map((_, i) => first + i)
      first += functions.length
      if (index < from) continue
      if (kernel.form === 'rows') steps.push({ kernel, params: step.params, functions, index })
      else {
        const fns = functions.map(i => program.fns[i]!)
        segments.push({ steps, pull: { kernel, step, fns }, loops: new Map() })
        steps = []
      }
    }
    segments.push({ steps, pull: undefined, loops: new Map() })
    program.segmentsFrom.set(from, segments)
    return segments
  }
}

/** Rows in vectors for the next segment. */
function* slicesOf(rows: readonly unknown[]): Generator<Vector> {
  for (let from = 0; from < rows.length; from += pullVectorRows) {
    yield valuesVector(rows.slice(from, from + pullVectorRows))
  }
}
