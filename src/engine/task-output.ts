/**
 * What a task puts out: blocks by partition, or an exchange. Neighbouring partitions with few rows
 * share a block, because a block of its own costs a partition more than its rows:
 *
 *   partition 3 ─▶ rows 0…61   ┐
 *   partition 4 ─▶ rows 62…123 ├─ one block, sealed when the task ends or the block is large
 *   partition 5 ─▶ rows 124…   ┘
 *
 * Rows keep their order: in an exchange the shared rows count as the first partition's.
 */
import type { Arena } from '../columnar/arena.ts'
import type { BlockBuilder } from '../columnar/builder.ts'
import { hasFallback } from '../columnar/schema.ts'
import type { ColumnOutput } from './column-output.ts'
import type { ColumnRows } from './column-rows.ts'
import { BlockSink, ExchangeSink } from './exchange.ts'
import type { OpenBlocks } from './open-blocks.ts'
import type { TaskMessage } from './program.ts'
import type { Piece } from './vector.ts'

/** Up to so many rows of a partition lie in a block that its neighbours share. */
const sharedRowsMax = 128
/** A shared block with so many rows is sealed. */
const sharedBlockRowsMax = 4096

/** What the output counts for the task. */
export interface OutputCounters {
  rowsOut: number
  fallbackRows: number
}

/** A partition's rows in the block that is still being built. */
interface Slice {
  readonly list: Piece[]
  readonly from: number
  readonly to: number
}

/** An exchange of several partitions; the first of them takes the lists. */
interface SharedExchange {
  readonly sink: ExchangeSink
  readonly lists: Piece[][]
  isTaken: boolean
}

export class TaskOutput {
  /** Addresses of the blocks that the task leaves behind. */
  readonly chunks: number[] = []
  readonly #arena: Arena
  readonly #builder: BlockBuilder
  readonly #blocks: OpenBlocks
  readonly #message: TaskMessage
  readonly #counters: OutputCounters
  /** Whether there are neighbours to share a block with. */
  readonly #shares: boolean
  #slices: Slice[] = []
  #exchange: SharedExchange | undefined

  constructor(
    arena: Arena,
    tools: { readonly builder: BlockBuilder; readonly blocks: OpenBlocks },
    message: TaskMessage,
    counters: OutputCounters,
  ) {
    this.#arena = arena
    this.#builder = tools.builder
    this.#blocks = tools.blocks
    this.#message = message
    this.#counters = counters
    this.#shares = message.parts.length > 1
  }

  /** Where the rows of a partition go; `end` when all of them have gone there. */
  sink(partition: number): BlockSink | ExchangeSink {
    const { terminal, attempt } = this.#message
    if (terminal.to === 'blocks') {
      return new BlockSink(this.#arena, attempt, terminal.limit, this.#builder, ptr =>
        this.#sealed(ptr),
      )
    }
    if (this.#exchange) return this.#exchange.sink
    const { partitioner } = terminal
    const sink = new ExchangeSink(this.#arena, attempt, partitioner, partition, this.#builder)
    // A round robin begins elsewhere for each partition.
    if (partitioner.kind === 'hash') {
      const lists = Array.from({ length: partitioner.partitions }, () => [])
      this.#exchange = { sink, lists, isTaken: false }
    }
    return sink
  }

  /** The pieces of the partition whose rows are in `sink`; `finish` may still fill them. */
  end(sink: BlockSink | ExchangeSink): Piece[][] {
    if (sink instanceof ExchangeSink) {
      const shared = this.#exchange
      if (sink !== shared?.sink) return this.#exchanged(sink)
      if (shared.isTaken) return []
      shared.isTaken = true
      return shared.lists
    }
    this.#counters.rowsOut += sink.rows
    const { pieces } = sink
    if (this.#shares && sink.rows <= sharedRowsMax) {
      const { from } = sink
      const to = this.#builder.rows
      if (to > from) this.#slices.push({ list: pieces, from, to })
      if (to >= sharedBlockRowsMax) this.#seal()
    } else sink.seal()
    return [pieces]
  }

  /** Rows that are columns already, as pieces; undefined where they have to go through a sink. */
  columns(rows: ColumnRows, output: ColumnOutput): Piece[][] | undefined {
    const { terminal, attempt } = this.#message
    if (this.#shares && rows.rows <= sharedRowsMax) return undefined
    if (terminal.to === 'exchange') {
      if (!output.canExchange(rows, terminal.partitioner)) return undefined
      this.#endExchange()
      const pieces = output.exchange(rows, terminal.partitioner.partitions, attempt)
      const first = pieces.find(list => list.length > 0)?.[0]
      if (first?.kind === 'block') this.chunks.push(first.ptr)
      this.#counters.rowsOut += rows.rows
      return pieces
    }
    const count = Math.min(rows.rows, terminal.limit)
    if (count === 0) return [[]]
    const ptr = output.seal(rows, attempt, count)
    this.chunks.push(ptr)
    this.#counters.rowsOut += count
    return [[{ kind: 'block', ptr, from: 0, to: count }]]
  }

  /** Seals what partitions share; then all pieces are there. */
  finish(): void {
    this.#endExchange()
    this.#seal()
  }

  #endExchange(): void {
    if (!this.#exchange) return
    const { sink, lists } = this.#exchange
    this.#exchange = undefined
    for (const [target, list] of this.#exchanged(sink).entries()) lists[target]!.push(...list)
  }

  #exchanged(sink: ExchangeSink): Piece[][] {
    const pieces = sink.finish()
    this.#counters.rowsOut += sink.rows
    const seen = new Set<number>()
    for (const list of pieces) {
      for (const piece of list) {
        if (piece.kind !== 'block' || seen.has(piece.ptr)) continue
        seen.add(piece.ptr)
        this.#note(piece.ptr)
      }
    }
    return pieces
  }

  #seal(): void {
    if (this.#builder.rows === 0) return
    this.#sealed(this.#builder.seal(this.#arena, this.#message.attempt).ptr)
  }

  /** The block that was being built lies there. */
  #sealed(ptr: number): void {
    for (const { list, from, to } of this.#slices) list.push({ kind: 'block', ptr, from, to })
    this.#slices = []
    this.#note(ptr)
  }

  #note(ptr: number): void {
    this.chunks.push(ptr)
    const block = this.#blocks.open(ptr)
    if (hasFallback(block.type)) this.#counters.fallbackRows += block.rows
  }
}
