/** Tasks and results as plain numbers: what nearly all of them are. */
import type { Partitioner } from './operator.ts'
import type { PartResult, ProgramRef, TaskMessage, TaskPart, TaskResult } from './program.ts'
import type { Piece } from './vector.ts'

const pieceKinds = ['block', 'text', 'lines', 'records', 'rows'] as const
/** In the place of a kind: a block of one of several inputs side by side. */
const sided = pieceKinds.length
const terminals = ['blocks', 'hash', 'round-robin', 'single'] as const
/** Fields of a result that are one number each. */
const counters = [
  'worker',
  'rowsIn',
  'rowsOut',
  'fallbackRows',
  'columnRows',
  'kernelValues',
  'calledValues',
  'elapsedMs',
  'bytesIn',
  'bytesOut',
] as const satisfies (keyof TaskResult)[]

type Counted = (typeof counters)[number]
/** A field of results that this file does not know would be lost on the way. */
type Forgotten = Exclude<
  keyof TaskResult,
  Counted | 'parts' | 'chunks' | 'counts' | 'accumulators' | 'reasons' | 'failure'
>
const nothingForgotten: Forgotten extends never ? true : false = true
void nothingForgotten

/** Puts numbers one behind the other; those past the end are counted, and dropped by the array. */
class Writer {
  at = 0
  readonly #to: Float64Array

  constructor(to: Float64Array) {
    this.#to = to
  }

  put(value: number): void {
    this.#to[this.at++] = value
  }

  get fits(): boolean {
    return this.at <= this.#to.length
  }

  pieces(pieces: readonly Piece[]): void {
    this.put(pieces.length)
    for (const piece of pieces) {
      const { side } = piece as { side?: number }
      this.put(side === undefined ? pieceKinds.indexOf(piece.kind) : sided)
      this.put(piece.from)
      this.put(piece.to)
      if (side !== undefined) this.put(side)
      if (piece.kind === 'block') this.put(piece.ptr)
      else if (piece.kind !== 'text') {
        this.put(piece.length)
        this.put(piece.path.length)
        for (let i = 0; i < piece.path.length; i++) this.put(piece.path.charCodeAt(i))
      }
    }
  }
}

class Reader {
  #at = 0
  readonly #from: Float64Array

  constructor(from: Float64Array) {
    this.#from = from
  }

  next(): number {
    return this.#from[this.#at++]!
  }

  list<T>(read: () => T): T[] {
    const length = this.next()
    const items: T[] = []
    for (let i = 0; i < length; i++) items.push(read())
    return items
  }

  readonly piece = (): Piece => {
    const code = this.next()
    const kind = pieceKinds[code]!
    const from = this.next()
    const to = this.next()
    if (code === sided) return { kind: 'block', side: this.next(), ptr: this.next(), from, to }
    if (kind === 'block') return { kind, ptr: this.next(), from, to }
    if (kind === 'text') return { kind, from, to }
    const length = this.next()
    return { kind, path: String.fromCharCode(...this.list(this.number)), from, to, length }
  }

  readonly number = (): number => this.next()
  readonly pieces = (): Piece[] => this.list(this.piece)
}

/** Writes a task; false where it is too long, and what was written is to be ignored. */
export function writeTask(to: Float64Array, task: TaskMessage): boolean {
  const writer = new Writer(to)
  const { attempt, programs, parts, terminal } = task
  writer.put(attempt)
  const how = terminal.to === 'blocks' ? 'blocks' : terminal.partitioner.kind
  writer.put(terminals.indexOf(how))
  writer.put(terminal.to === 'blocks' ? terminal.limit : terminal.partitioner.partitions)
  writer.put(programs.length)
  for (const { id, ptr, bytes } of programs) {
    writer.put(id)
    writer.put(ptr)
    writer.put(bytes)
  }
  writer.put(parts.length)
  for (const { partition, number, program, table, pieces, time } of parts) {
    writer.put(time)
    writer.put(partition)
    writer.put(number)
    writer.put(program)
    writer.put(table)
    writer.pieces(pieces)
  }
  return writer.fits
}

export function readTask(from: Float64Array): TaskMessage {
  const reader = new Reader(from)
  const attempt = reader.next()
  const how = terminals[reader.next()]!
  const count = reader.next()
  const programs = reader.list((): ProgramRef => {
    return { id: reader.next(), ptr: reader.next(), bytes: reader.next() }
  })
  const parts = reader.list((): TaskPart => {
    return {
      time: reader.next(),
      partition: reader.next(),
      number: reader.next(),
      program: reader.next(),
      table: reader.next(),
      pieces: reader.pieces(),
    }
  })
  if (how === 'blocks') return { attempt, programs, parts, terminal: { to: how, limit: count } }
  const partitioner = { kind: how, partitions: count } as Partitioner
  return { attempt, programs, parts, terminal: { to: 'exchange', partitioner } }
}

/** Whether a result is numbers only: without an error, what functions gathered, and remarks. */
export function isNumbers({ failure, accumulators, reasons }: TaskResult): boolean {
  return failure === undefined && accumulators.length === 0 && reasons === undefined
}

/** Writes such a result; false where it is too long, and what was written is to be ignored. */
export function writeResult(to: Float64Array, result: TaskResult): boolean {
  const writer = new Writer(to)
  for (const name of counters) writer.put(result[name])
  writer.put(result.chunks.length)
  for (const chunk of result.chunks) writer.put(chunk)
  writer.put(result.counts.length)
  for (const count of result.counts) writer.put(count)
  writer.put(result.parts.length)
  for (const { partition, pieces } of result.parts) {
    writer.put(partition)
    writer.put(pieces.length)
    for (const list of pieces) writer.pieces(list)
  }
  return writer.fits
}

export function readResult(from: Float64Array): TaskResult {
  const reader = new Reader(from)
  const counted = {} as Record<Counted, number>
  for (const name of counters) counted[name] = reader.next()
  const chunks = reader.list(reader.number)
  const counts = reader.list(reader.number)
  const parts = reader.list((): PartResult => {
    return { partition: reader.next(), pieces: reader.list(reader.pieces) }
  })
  return { ...counted, parts, chunks, counts, accumulators: [] }
}
