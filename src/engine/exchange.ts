/**
 * The exchange: rows leave a task sorted by target partition, so that a reader takes a slice.
 *
 *   small output: one block, cut by offsets       large output: a block (or more) a target
 *   ┌────┬──────┬──┬─────┐                        ┌────┐ ┌──────┐ ┌─────┐
 *   │ p0 │  p1  │p2│ p3  │                        │ p0 │ │  p1  │ │ p3  │
 *   └────┴──────┴──┴─────┘                        └────┘ └──────┘ └─────┘
 */
import type { Arena } from '../columnar/arena.ts'
import { BlockBuilder } from '../columnar/builder.ts'
import { hashKey } from '../columnar/keys.ts'
import { PeltonError, preview } from '../errors.ts'
import type { Partitioner, RowSink } from './operator.ts'
import type { Piece } from './vector.ts'

const smallRowsMax = 2048
const blockBytesMax = 16 * 1024 * 1024
const checkEvery = 1024

/**
 * Rows into blocks, a new block every `blockBytesMax` bytes; stops at `limit` rows. The builder may
 * hold rows of others before these: whoever gave it gets to know where they all lie.
 */
export class BlockSink implements RowSink {
  full = false
  rows = 0
  /** First of these rows in the block that is being built. */
  from: number
  /** Blocks that are sealed. */
  readonly pieces: Piece[] = []
  #arena: Arena
  #owner: number
  #limit: number
  #builder: BlockBuilder
  #sealed: (ptr: number) => void
  #untilCheck = checkEvery

  constructor(
    arena: Arena,
    owner: number,
    limit: number,
    builder: BlockBuilder,
    sealed: (ptr: number) => void = () => undefined,
  ) {
    this.#arena = arena
    this.#owner = owner
    this.#limit = limit
    this.#builder = builder
    this.#sealed = sealed
    this.from = builder.rows
    this.full = limit <= 0
  }

  push(row: unknown): void {
    if (this.full) return
    this.#builder.append(row)
    this.#count()
  }

  pushPair(key: unknown, value: unknown): void {
    if (this.full) return
    this.#builder.appendPair(key, value)
    this.#count()
  }

  #count(): void {
    if (++this.rows >= this.#limit) this.full = true
    if (--this.#untilCheck === 0) {
      this.#untilCheck = checkEvery
      if (this.#builder.byteLength >= blockBytesMax) this.seal()
    }
  }

  /** Seals the block that is being built. */
  seal(): void {
    if (this.#builder.rows === 0) return
    const { ptr, rows } = this.#builder.seal(this.#arena, this.#owner)
    if (rows > this.from) this.pieces.push({ kind: 'block', ptr, from: this.from, to: rows })
    this.from = 0
    this.#sealed(ptr)
  }
}

/** Rows into blocks by target partition. */
export class ExchangeSink implements RowSink {
  full = false
  rows = 0
  #arena: Arena
  #owner: number
  #partitioner: Partitioner
  #next: number
  #keys: unknown[] = []
  #values: unknown[] = []
  #pairs: boolean
  #targets: number[] = []
  #sinks: BlockSink[] | undefined
  #builder: BlockBuilder

  constructor(
    arena: Arena,
    owner: number,
    partitioner: Partitioner,
    partition: number,
    builder: BlockBuilder,
  ) {
    this.#arena = arena
    this.#owner = owner
    this.#partitioner = partitioner
    this.#builder = builder
    this.#pairs = partitioner.kind === 'hash'
    // Each partition deals its rows out from another start, or the first targets would get more.
    this.#next = (partition % partitioner.partitions) - 1
  }

  push(row: unknown): void {
    if (!this.#pairs) {
      this.#add(this.#deal(), row, undefined)
      return
    }
    if (!Array.isArray(row) || row.length !== 2) {
      throw new PeltonError(`${preview(row)} is not a [key, value] pair, so it has no key`, {
        code: 'NOT_A_PAIR',
      })
    }
    this.pushPair(row[0], row[1])
  }

  pushPair(key: unknown, value: unknown): void {
    if (this.#pairs) this.#add(hashKey(key) % this.#partitioner.partitions, key, value)
    else this.#add(this.#deal(), [key, value], undefined)
  }

  #deal(): number {
    if (++this.#next === this.#partitioner.partitions) this.#next = 0
    return this.#next
  }

  #add(target: number, key: unknown, value: unknown): void {
    this.rows++
    if (this.#sinks) {
      this.#append(this.#sinks[target]!, key, value)
      return
    }
    this.#targets.push(target)
    this.#keys.push(key)
    if (this.#pairs) this.#values.push(value)
    if (this.#targets.length > smallRowsMax) this.#spread()
  }

  #append(sink: RowSink, key: unknown, value: unknown): void {
    if (this.#pairs) sink.pushPair(key, value)
    else sink.push(key)
  }

  #spread(): void {
    const count = this.#partitioner.partitions
    const sinks = Array.from(
      { length: count },
      () => new BlockSink(this.#arena, this.#owner, Number.POSITIVE_INFINITY, new BlockBuilder()),
    )
    this.#sinks = sinks
    this.#targets.forEach((target, i) => {
      this.#append(sinks[target]!, this.#keys[i], this.#values[i])
    })
    this.#targets = this.#keys = this.#values = []
  }

  /** Pieces for each target partition. */
  finish(): Piece[][] {
    if (this.#sinks) {
      return this.#sinks.map(sink => {
        sink.seal()
        return sink.pieces
      })
    }
    const count = this.#partitioner.partitions
    const rows = this.#targets.length
    const pieces: Piece[][] = Array.from({ length: count }, () => [])
    if (rows === 0) return pieces
    // A counting sort keeps the order of rows within each target.
    const ends = new Int32Array(count + 1)
    const targets = this.#targets
    for (let i = 0; i < rows; i++) ends[targets[i]! + 1]!++
    for (let p = 0; p < count; p++) ends[p + 1]! += ends[p]!
    const order = new Int32Array(rows)
    const next = ends.slice()
    for (let i = 0; i < rows; i++) order[next[targets[i]!]!++] = i
    const [keys, values, builder] = [this.#keys, this.#values, this.#builder]
    for (let i = 0; i < rows; i++) {
      const row = order[i]!
      if (this.#pairs) builder.appendPair(keys[row], values[row])
      else builder.append(keys[row])
    }
    const { ptr } = this.#builder.seal(this.#arena, this.#owner)
    for (let p = 0; p < count; p++) {
      if (ends[p + 1]! > ends[p]!) {
        pieces[p]!.push({ kind: 'block', ptr, from: ends[p]!, to: ends[p + 1]! })
      }
    }
    return pieces
  }
}
