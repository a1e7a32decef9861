/** Columns that leave a task: as one block, whole or cut by target partition. */
import type { Arena } from '../columnar/arena.ts'
import type { KernelExports } from '../columnar/kernel-exports.ts'
import { hashKey } from '../columnar/keys.ts'
import { type RawBlock, type RawColumn, reserveBlock } from '../columnar/raw-block.ts'
import { textBytes } from '../columnar/text.ts'
import type { ColumnShape } from '../expressions/columns.ts'
import {
  type ColumnRows,
  isRow,
  joinLeaf,
  type Leaf,
  leafBytes,
  type Segment,
} from './column-rows.ts'
import type { Partitioner } from './operator.ts'
import type { Piece } from './vector.ts'

/** Rows of one kernel call: it ends well within a millisecond. */
const sliceRowsMax = 16_384
const hashBytes = 4
const placeBytes = 4
const partitionBytes = 2
const viewBytes = 16

/** Writes rows into blocks. */
export class ColumnOutput {
  readonly #arena: Arena
  readonly #kernels: KernelExports

  constructor(arena: Arena, kernels: KernelExports) {
    this.#arena = arena
    this.#kernels = kernels
  }

  /** Chunks of the write at hand. */
  readonly #chunks: number[] = []

  /** Runs a write: at its end all chunks go back but the block, and where it fails that one too. */
  #write(write: () => number): number {
    let block = 0
    try {
      block = write()
      return block
    } finally {
      for (const chunk of this.#chunks.splice(0)) if (chunk !== block) this.#arena.free(chunk)
    }
  }

  #take(bytes: number, owner: number): number {
    const at = this.#arena.alloc(bytes, owner)
    this.#chunks.push(at)
    return at
  }

  /** The first `limit` rows as one block owned by `owner`. */
  seal(rows: ColumnRows, owner: number, limit = rows.rows): number {
    return this.#write(() => this.#seal(rows, owner, Math.min(rows.rows, limit)))
  }

  #seal(rows: ColumnRows, owner: number, count: number): number {
    const segments = firstRows(rows.segments, count)
    const block = this.#reserve(rows, segments, count, owner)
    for (const [i, leaf] of rows.leaves.entries()) {
      const to = block.data[i]!
      if (leaf.kind === 'constant') this.#constant(leaf.value, count, to, owner)
      else if (leaf.kind === 'bool') {
        const mask = this.#take(count, owner)
        joinLeaf(this.#kernels, segments, i, leafBytes.bool, mask)
        this.#kernels.maskToBits(mask, count, to)
      } else joinLeaf(this.#kernels, segments, i, leafBytes[leaf.kind], to)
    }
    this.#ownTexts(block, count)
    return block.ptr
  }

  /** Whether the rows can be cut by the hash of their keys. */
  canExchange(rows: ColumnRows, partitioner: Partitioner): boolean {
    const { shape } = rows
    if (partitioner.kind !== 'hash' || shape.kind !== 'tuple') return false
    return shape.items.length === 2 && canHash(shape.items[0]!)
  }

  /** Orders the rows by target partition in one block; pieces for each partition. */
  exchange(rows: ColumnRows, partitions: number, owner: number): Piece[][] {
    const pieces: Piece[][] = Array.from({ length: partitions }, () => [])
    if (rows.rows === 0) return pieces
    const slice = Math.min(rows.rows, sliceRowsMax)
    const startBytes = (partitions + 1) * placeBytes
    let bounds: number[] = []
    const ptr = this.#write(() => {
      const bytes = startBytes + slice * hashBytes * 2 + rows.rows * partitionBytes
      const starts = this.#take(bytes, owner)
      const hashes = starts + startBytes
      const parts = hashes + slice * hashBytes * 2
      bounds = this.#count(rows, partitions, { starts, hashes, parts })
      return this.#scatter(rows, { starts, places: hashes, parts }, owner)
    })
    for (let p = 0; p < partitions; p++) {
      const [from, to] = [bounds[p]!, bounds[p + 1]!]
      if (to > from) pieces[p]!.push({ kind: 'block', ptr, from, to })
    }
    return pieces
  }

  /** Partition of every row at `parts`; where each partition begins, at `starts` and returned. */
  #count(
    rows: ColumnRows,
    partitions: number,
    { starts, hashes, parts }: { starts: number; hashes: number; parts: number },
  ): number[] {
    const kernels = this.#kernels
    const key = (rows.shape as Extract<ColumnShape, { kind: 'tuple' }>).items[0]!
    const other = hashes + Math.min(rows.rows, sliceRowsMax) * hashBytes
    kernels.zeroBytes(starts, (partitions + 1) * placeBytes)
    let part = parts
    for (const { rows: n, at } of slicesOf(rows)) {
      this.#hash(key, at, 0, n, hashes, other)
      kernels.partitionOf(hashes, n, partitions, part)
      kernels.countPartitions(part, n, starts)
      part += n * partitionBytes
    }
    kernels.prefixSums(starts, partitions)
    const word = starts / placeBytes
    return [...this.#arena.u32.subarray(word, word + partitions), rows.rows]
  }

  /** Hashes of a key whose leaves begin with number `leaf`. */
  #hash(
    key: ColumnShape,
    at: readonly number[],
    leaf: number,
    n: number,
    hashes: number,
    other: number,
  ): void {
    const kernels = this.#kernels
    if (key.kind === 'float64') kernels.hashF64(at[leaf]!, n, hashes)
    else if (key.kind === 'utf8') kernels.hashViews(at[leaf]!, n, hashes)
    else if (key.kind === 'constant') {
      const word = hashes / hashBytes
      this.#arena.u32.fill(hashKey(key.value), word, word + n)
    } else if (key.kind === 'tuple') {
      kernels.startTupleHashes(hashes, n, key.items.length)
      for (const [i, item] of key.items.entries()) {
        this.#hash(item, at, leaf + i, n, other, other)
        kernels.mixHashes(hashes, other, n)
      }
      kernels.finishHashes(hashes, n)
    }
  }

  #scatter(
    rows: ColumnRows,
    { starts, places, parts }: { starts: number; places: number; parts: number },
    owner: number,
  ): number {
    const kernels = this.#kernels
    const block = this.#reserve(rows, rows.segments, rows.rows, owner)
    const masks = rows.leaves.map(leaf => (leaf.kind === 'bool' ? this.#take(rows.rows, owner) : 0))
    let part = parts
    for (const { rows: n, at } of slicesOf(rows)) {
      kernels.placeByPartition(part, n, starts, places)
      part += n * partitionBytes
      for (const [i, { kind }] of rows.leaves.entries()) {
        if (kind === 'float64') kernels.scatterF64(at[i]!, places, n, block.data[i]!)
        else if (kind === 'utf8') kernels.scatterViews(at[i]!, places, n, block.data[i]!)
        else if (kind === 'bool') kernels.scatterBytes(at[i]!, places, n, masks[i]!)
      }
    }
    for (const [i, leaf] of rows.leaves.entries()) {
      if (leaf.kind === 'constant') this.#constant(leaf.value, rows.rows, block.data[i]!, owner)
    }
    for (const [i, mask] of masks.entries()) {
      if (mask !== 0) kernels.maskToBits(mask, rows.rows, block.data[i]!)
    }
    this.#ownTexts(block, rows.rows)
    return block.ptr
  }

  #reserve(
    { shape, leaves }: ColumnRows,
    segments: readonly Segment[],
    rows: number,
    owner: number,
  ): RawBlock {
    const columns = leaves.map((leaf, i) => this.#columnOf(leaf, i, segments, rows))
    let next = 0
    const tree = (of: ColumnShape): RawColumn =>
      isRow(of) ? { ...of, items: of.items.map(tree) } : columns[next++]!
    const block = reserveBlock(this.#arena, owner, rows, tree(shape))
    this.#chunks.push(block.ptr)
    return block
  }

  #columnOf(leaf: Leaf, i: number, segments: readonly Segment[], rows: number): RawColumn {
    if (leaf.kind === 'constant') return constantColumn(leaf.value, rows)
    if (leaf.kind !== 'utf8') return { kind: leaf.kind }
    const kernels = this.#kernels
    const ascii = segments.every(s => kernels.isAsciiViews(s.at[i]!, s.rows) === 1)
    const wtf8 = !ascii && segments.some(s => kernels.hasSurrogates(s.at[i]!, s.rows) === 1)
    const heapBytes = segments.reduce((sum, s) => sum + kernels.longBytes(s.at[i]!, s.rows), 0)
    return { kind: 'utf8', ascii, wtf8, heapBytes }
  }

  #constant(value: string | number | boolean, rows: number, to: number, owner: number): void {
    const kernels = this.#kernels
    if (typeof value === 'number') kernels.fillF64(to, rows, value)
    else if (typeof value === 'boolean') {
      kernels.zeroBytes(to, Math.ceil(rows / 8))
      if (value) this.#arena.u8.fill(255, to, to + Math.ceil(rows / 8))
    } else {
      const bytes = textBytes(value)
      const view = this.#take(viewBytes + bytes.length, owner)
      const { u8, u32 } = this.#arena
      u8.fill(0, view, view + viewBytes)
      u32[view / 4] = bytes.length
      const isLong = bytes.length > viewBytes - 4
      u8.set(isLong ? bytes.subarray(0, 4) : bytes, view + 4)
      if (isLong) {
        u8.set(bytes, view + viewBytes)
        u32[view / 4 + 2] = view + viewBytes
      }
      kernels.fillViews(to, rows, view)
    }
  }

  /** Copies long texts into the block. */
  #ownTexts({ data, heap }: RawBlock, rows: number): void {
    for (const [i, to] of heap.entries()) {
      if (to !== 0) this.#kernels.copyLong(data[i]!, rows, to)
    }
  }
}

function canHash(shape: ColumnShape): boolean {
  if (shape.kind !== 'tuple') return ['float64', 'utf8', 'constant'].includes(shape.kind)
  return shape.items.every(item => item.kind !== 'tuple' && canHash(item))
}

function constantColumn(value: string | number | boolean, rows: number): RawColumn {
  if (typeof value === 'number') return { kind: 'float64' }
  if (typeof value === 'boolean') return { kind: 'bool' }
  const bytes = textBytes(value)
  const ascii = bytes.every(byte => byte < 128)
  const heapBytes = bytes.length > viewBytes - 4 ? rows * bytes.length : 0
  return { kind: 'utf8', ascii, wtf8: !value.isWellFormed(), heapBytes }
}

function firstRows(segments: readonly Segment[], count: number): Segment[] {
  const first: Segment[] = []
  let left = count
  for (const { rows, at } of segments) {
    if (left === 0) break
    first.push({ rows: Math.min(rows, left), at })
    left -= Math.min(rows, left)
  }
  return first
}

/** The segments in slices for one kernel call each. */
function* slicesOf({ segments, leaves }: ColumnRows): Generator<Segment> {
  for (const { rows, at } of segments) {
    for (let from = 0; from < rows; from += sliceRowsMax) {
      const moved = at.map((address, i) => {
        const { kind } = leaves[i]!
        return kind === 'constant' ? 0 : address + from * leafBytes[kind]
      })
      yield { rows: Math.min(sliceRowsMax, rows - from), at: moved }
    }
  }
}
