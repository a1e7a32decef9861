/** Runs tasks: a program over the pieces of some partitions. The same code on every thread. */
import { deserialize } from 'node:v8'
import type { Arena } from '../columnar/arena.ts'
import { BlockBuilder } from '../columnar/builder.ts'
import { isArenaFull, PeltonError, preview } from '../errors.ts'
import type { PortableFunction } from '../functions/portable.ts'
// Not from the index: workers need neither the parser nor the inspector.
import { revive } from '../functions/revive.ts'
import { undoTables } from '../state/table-log.ts'
import { threadOwner } from './block-store.ts'
import { stopwatch } from './clock.ts'
import { ColumnRows } from './column-rows.ts'
import { type ColumnResult, ColumnRunner } from './column-runner.ts'
import { OpenBlocks } from './open-blocks.ts'
import type { Operator, RowSink } from './operator.ts'
import {
  type BuiltinFunction,
  type PartResult,
  type Program,
  type ProgramRef,
  type ProgramStep,
  type TaskFailure,
  type TaskMessage,
  type TaskPart,
  type TaskResult,
  tablesOf,
} from './program.ts'
import { type LoopProgram, RowLoops, StepError, stepError } from './row-loops.ts'
import { StateRunner, type StatesProgram } from './state-runner.ts'
import { StepMeter, type StepReason } from './step-meter.ts'
import { TaskOutput } from './task-output.ts'
import {
  type Piece,
  pairsVector,
  tupleVector,
  type Vector,
  valuesVector,
  vectorsOf,
} from './vector.ts'
import { WorkerShare } from './worker-share.ts'

interface CompiledProgram extends LoopProgram {
  readonly meter: StepMeter
  readonly columns: boolean
  /** What it does to states, where that is its one step. */
  readonly states: StatesProgram | undefined
}

interface Counters {
  rowsIn: number
  rowsOut: number
  fallbackRows: number
  columnRows: number
  bytesIn: number
  kernelValues: number
  calledValues: number
}

const noCounters: Counters = {
  rowsIn: 0,
  rowsOut: 0,
  fallbackRows: 0,
  columnRows: 0,
  bytesIn: 0,
  kernelValues: 0,
  calledValues: 0,
}
const wanted = (): boolean => false
const compiledMax = 256
const decodedRowsMax = 1024

export class TaskRunner {
  #arena: Arena
  #operators: ReadonlyMap<string, Operator>
  #builtins: Readonly<Record<string, Function>>
  #worker: number
  #programs = new Map<number, Promise<CompiledProgram>>()
  #share: WorkerShare
  #builder = new BlockBuilder()
  #blocks: OpenBlocks
  #columnRunner: ColumnRunner | undefined
  #loops: RowLoops
  #stateRunner: StateRunner | undefined
  /** Whether nobody waits for the task at work. */
  #isUnwanted = wanted

  constructor(
    arena: Arena,
    operators: ReadonlyMap<string, Operator>,
    builtins: Readonly<Record<string, Function>>,
    worker: number,
  ) {
    this.#arena = arena
    this.#operators = operators
    this.#builtins = builtins
    this.#worker = worker
    this.#share = new WorkerShare(arena)
    this.#blocks = new OpenBlocks(arena)
    this.#loops = new RowLoops(operators)
  }

  /** Runs one task. Never rejects: what went wrong is in the result, its chunks already freed. */
  async run(message: TaskMessage, isUnwanted = wanted): Promise<TaskResult> {
    const started = stopwatch()
    this.#isUnwanted = isUnwanted
    const result: Counters = { ...noCounters }
    const tools = { builder: this.#builder, blocks: this.#blocks }
    const output = new TaskOutput(this.#arena, tools, message, result)
    let step: ProgramStep | undefined
    try {
      const programs = await Promise.all(message.programs.map(ref => this.#compiled(ref)))
      await this.#share.ready()
      const parts: PartResult[] = []
      while (parts.length < message.parts.length) {
        this.#look()
        const next = partsOfOne(message.parts, parts.length)
        const program = programs[next[0]!.program]!
        try {
          const done = this.#runParts(program, next, message, output, result)
          parts.push(...(done instanceof Promise ? await done : done))
        } catch (error) {
          if (error instanceof StepError) step = program.steps[error.step]
          throw error
        }
      }
      output.finish()
      const { chunks } = output
      const accumulators = this.#share.takeUpdates()
      let bytesOut = 0
      for (const chunk of chunks) bytesOut += this.#arena.sizeOf(chunk)
      const did = { parts, chunks, accumulators, bytesOut, ...taken(programs) }
      return { worker: this.#worker, ...did, ...result, elapsedMs: stopwatch() - started }
    } catch (error) {
      this.#share.takeUpdates()
      this.#builder.reset()
      undoTables(this.#arena, tablesOf(message), message.attempt)
      // Also what a sink had sealed before it failed: everything that bears the attempt's number.
      this.#arena.reap(message.attempt)
      const elapsedMs = stopwatch() - started
      const failure = describe(error, step)
      const nothing = { parts: [], chunks: [], accumulators: [], counts: [], bytesOut: 0 }
      return { worker: this.#worker, ...nothing, ...result, elapsedMs, failure }
    } finally {
      this.#columnRunner?.forget()
      this.#blocks.clear()
    }
  }

  /** Closes what the user's functions opened here. */
  async close(): Promise<void> {
    await this.#share.close()
  }

  /**
   * Runs the first of some partitions, and those that follow it where few rows come out: they are
   * then the first one's, one partition behind the other.
   */
  #runParts(
    program: CompiledProgram,
    parts: readonly TaskPart[],
    message: TaskMessage,
    output: TaskOutput,
    result: Counters,
  ): PartResult[] | Promise<PartResult[]> {
    if (program.states) return [this.#states(program, parts[0]!, message, output, result)]
    const { terminal } = message
    const limit = terminal.to === 'blocks' ? terminal.limit : Number.POSITIVE_INFINITY
    // A round robin begins elsewhere for each partition.
    const isShared = terminal.to === 'exchange' && terminal.partitioner.kind === 'hash'
    const lists = (isShared ? parts : parts.slice(0, 1)).map(p => p.pieces)
    const ran = program.columns
      ? this.#columns().run(program, lists, limit, this.#blocks)
      : undefined
    const taken = parts.slice(0, ran?.parts ?? 1)
    this.#countBytes(
      taken.flatMap(part => part.pieces),
      result,
    )
    if (ran) return this.#out(program, ran, taken, message, output, result)
    const before = result.rowsIn
    const done = this.#inLoops(program, taken, output, result)
    program.meter.loop(0, result.rowsIn - before)
    return done
  }

  /** Runs a kernel over the states of a partition. */
  #states(
    program: CompiledProgram,
    part: TaskPart,
    { attempt }: TaskMessage,
    output: TaskOutput,
    result: Counters,
  ): PartResult {
    this.#stateRunner ??= new StateRunner(this.#arena, threadOwner(this.#worker))
    this.#countBytes(part.pieces, result)
    const sink = output.sink(part.partition)
    const failed = (error: unknown, row: unknown) => stepError(error, 0, row)
    const tools = { attempt, blocks: this.#blocks, sink, failed }
    const rows = this.#stateRunner.run(program.states!, part, tools)
    result.rowsIn += rows
    program.meter.loop(0, rows)
    return { partition: part.partition, pieces: output.end(sink) }
  }

  #countBytes(pieces: readonly Piece[], result: Counters): void {
    for (const piece of pieces) {
      const size = piece.to - piece.from
      result.bytesIn += piece.kind === 'block' ? this.#blocks.bytesOf(piece.ptr, size) : size
    }
  }

  /** Partitions in loops over rows from the first step on. */
  #inLoops(
    program: CompiledProgram,
    parts: readonly TaskPart[],
    output: TaskOutput,
    result: { rowsIn: number },
  ): PartResult[] | Promise<PartResult[]> {
    const done = parts.map(part =>
      this.#rows(program, 0, this.#vectors(part.pieces, result), part, output),
    )
    return done.some(one => one instanceof Promise) ? Promise.all(done) : (done as PartResult[])
  }

  /** Brings out what columns came to, through the steps that they leave where there are some. */
  #out(
    program: CompiledProgram,
    ran: ColumnResult,
    parts: readonly TaskPart[],
    { attempt }: TaskMessage,
    output: TaskOutput,
    result: Counters,
  ): PartResult[] | Promise<PartResult[]> {
    const { rowsIn, rows, steps } = ran
    const [part, ...others] = parts as [TaskPart, ...TaskPart[]]
    result.rowsIn += rowsIn
    result.columnRows += rowsIn
    result.kernelValues += ran.kernelValues
    result.calledValues += ran.calledValues
    const all = (first: PartResult): PartResult[] => [
      first,
      ...others.map(({ partition }) => ({ partition, pieces: [] })),
    ]
    const rest = (vectors: Iterable<Vector>): PartResult[] | Promise<PartResult[]> => {
      const done = this.#rows(program, steps, vectors, part, output)
      return done instanceof Promise ? done.then(all) : all(done)
    }
    if (!(rows instanceof ColumnRows)) {
      program.meter.loop(steps, rows.keys.length)
      return rest([pairsVector(rows.keys, rows.values)])
    }
    let ptr = 0
    let vector: Vector | undefined
    try {
      if (steps === program.steps.length) {
        const pieces = output.columns(rows, this.#columns().output)
        if (pieces) return all({ partition: part.partition, pieces })
      }
      if (rows.rows === 0) return rest([])
      vector = vectorOf(rows)
      if (!vector) ptr = this.#columns().output.seal(rows, attempt)
    } catch (error) {
      if (!isArenaFull(error)) throw error
      // Columns lie there twice while they are written; the row loop needs less.
      rows.clear()
      program.meter.drop()
      program.meter.because(0, 'the memory does not hold the rows twice')
      program.meter.loop(0, rowsIn)
      return this.#inLoops(program, parts, output, { rowsIn: 0 })
    }
    program.meter.loop(steps, rows.rows)
    if (vector) return rest([vector])
    const piece: Piece = { kind: 'block', ptr, from: 0, to: rows.rows }
    const free = (): void => {
      this.#blocks.close(ptr)
      this.#arena.free(ptr)
    }
    let done: PartResult[] | Promise<PartResult[]> | undefined
    try {
      done = rest(vectorsOf(this.#arena, piece, this.#blocks))
      return done instanceof Promise ? done.finally(free) : done
    } finally {
      if (!(done instanceof Promise)) free()
    }
  }

  /** Runs the steps from `from` on in loops over rows. */
  #rows(
    program: CompiledProgram,
    from: number,
    source: Iterable<Vector>,
    part: TaskPart,
    output: TaskOutput,
  ): PartResult | Promise<PartResult> {
    let sink: ReturnType<TaskOutput['sink']> | undefined
    const open = (): RowSink => (sink = output.sink(part.partition))
    const done = this.#loops.run(program, from, source, part, open)
    const end = (): PartResult => ({ partition: part.partition, pieces: output.end(sink!) })
    return done ? done.then(end) : end()
  }

  #columns(): ColumnRunner {
    this.#columnRunner ??= new ColumnRunner(this.#arena, {
      operators: this.#operators,
      owner: threadOwner(this.#worker),
      failed: stepError,
      look: () => this.#look(),
    })
    return this.#columnRunner
  }

  *#vectors(pieces: readonly Piece[], result: { rowsIn: number }): Generator<Vector> {
    for (const piece of pieces) {
      for (const vector of vectorsOf(this.#arena, piece, this.#blocks)) {
        this.#look()
        result.rowsIn += vector.length
        yield vector
      }
    }
  }

  /** Between two vectors: ends a task that nobody waits for. */
  #look(): void {
    if (this.#isUnwanted()) throw new PeltonError('nobody waits for it', { code: 'UNWANTED' })
  }

  #compiled(ref: ProgramRef): Promise<CompiledProgram> {
    const found = this.#programs.get(ref.id)
    if (found) return found
    if (this.#programs.size >= compiledMax) {
      this.#programs.delete(this.#programs.keys().next().value!)
    }
    const compiled = this.#compile(ref)
    compiled.catch(() => this.#programs.delete(ref.id))
    this.#programs.set(ref.id, compiled)
    return compiled
  }

  async #compile(ref: ProgramRef): Promise<CompiledProgram> {
    const bytes = this.#arena.u8.slice(ref.ptr, ref.ptr + ref.bytes)
    const program = deserialize(bytes) as Program
    await this.#share.load(program.broadcasts)
    const fns: Function[] = []
    for (const step of program.steps) {
      for (const fn of step.functions) fns.push(await this.#function(fn))
    }
    const columns = program.columns && ColumnRunner.fits(this.#arena)
    const meter = new StepMeter(program.steps.length)
    const states = this.#statesProgram(program.steps, fns)
    return { meter, fns, steps: program.steps, columns, states, segmentsFrom: new Map() }
  }

  #statesProgram(steps: readonly ProgramStep[], fns: Function[]): StatesProgram | undefined {
    const [step] = steps
    const kernel = step && this.#operators.get(step.operator)?.kernel
    if (kernel?.form !== 'states') return undefined
    const { params } = step!
    return { kernel, params, run: kernel.prepare(fns, params) }
  }

  async #function(fn: PortableFunction | BuiltinFunction): Promise<Function> {
    if (!('builtin' in fn)) return await revive(fn, this.#share)
    const found = this.#builtins[fn.builtin]
    if (!found) throw new Error(`no builtin function ${fn.builtin}`)
    return found
  }
}

/** The partitions from a place on that run the same program. */
function partsOfOne(parts: readonly TaskPart[], from: number): readonly TaskPart[] {
  const { program } = parts[from]!
  const end = parts.findIndex((part, i) => i > from && part.program !== program)
  return parts.slice(from, end < 0 ? parts.length : end)
}

/** What the programs of a task have counted. */
function taken(
  programs: readonly CompiledProgram[],
): Pick<TaskResult, 'counts'> & { reasons?: StepReason[] } {
  const counts: number[] = []
  const reasons: StepReason[] = []
  for (const [i, { meter }] of programs.entries()) {
    meter.take(i, counts)
    meter.takeReasons(i, reasons)
  }
  return reasons.length > 0 ? { counts, reasons } : { counts }
}

/** Few rows of numbers as arrays, so that they need no block to be read from. */
function vectorOf(rows: ColumnRows): Vector | undefined {
  if (rows.rows > decodedRowsMax) return undefined
  const columns = rows.numbers()
  if (!columns) return undefined
  return rows.shape.kind === 'tuple' ? tupleVector(columns) : valuesVector(columns[0]!)
}

/** An error as plain data: classes and fields do not survive the way between threads. */
function describe(error: unknown, step: ProgramStep | undefined): TaskFailure {
  const at = error instanceof StepError ? error : undefined
  const original = at ? at.original : error
  const known = original instanceof Error
  const pelton = original instanceof PeltonError
  return {
    name: known ? original.name : 'Error',
    message: known ? original.message : `a function threw ${preview(original)}`,
    stack: known ? (original.stack ?? '') : '',
    code: pelton ? original.code : 'TASK_FAILED',
    operator: step?.label,
    place: step?.place,
    row: at && at.row !== undefined ? preview(at.row, 200) : undefined,
  }
}
