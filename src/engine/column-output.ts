/** Columns that leave a stage: as one block, whole or cut by target partition. */
import type { Arena } from '../columnar/arena.ts'
import type { KernelExports } from '../columnar/kernel-exports.ts'
import { type RawColumn, reserveBlock } from '../columnar/raw-block.ts'
import type { GroupedRows } from './column-kernel.ts'
import type { Partitioner } from './operator.ts'
import type { Piece } from './vector.ts'

const viewBytes = 16
const numberBytes = 8

/** Writes grouped rows into blocks. */
export class ColumnOutput {
  readonly #arena: Arena
  readonly #kernels: KernelExports

  constructor(arena: Arena, kernels: KernelExports) {
    this.#arena = arena
    this.#kernels = kernels
  }

  /** The grouped rows as one block owned by `attempt`, in the order of `order` (u32) if given. */
  seal(groups: GroupedRows, attempt: number, rows: number, order = 0): number {
    const kernels = this.#kernels
    const { kind, keys, numbers } = groups
    const column: RawColumn =
      kind === 'float64'
        ? { kind }
        : {
            kind,
            ascii: kernels.isAsciiViews(keys, groups.rows) === 1,
            wtf8: false,
            heapBytes: kernels.longBytes(keys, groups.rows),
          }
    const block = reserveBlock(this.#arena, attempt, rows, [column, { kind: 'float64' }])
    const [keyData, numberData] = [block.data[0]!, block.data[1]!]
    const u8 = this.#arena.u8
    const keyBytes = kind === 'utf8' ? viewBytes : numberBytes
    if (order === 0) {
      u8.copyWithin(keyData, keys, keys + rows * keyBytes)
      u8.copyWithin(numberData, numbers, numbers + rows * numberBytes)
    } else {
      const gather = kind === 'utf8' ? kernels.gatherViews : kernels.gatherF64
      gather(keys, order, rows, keyData)
      kernels.gatherF64(numbers, order, rows, numberData)
    }
    if (block.heap[0]! !== 0) kernels.copyLong(keyData, rows, block.heap[0]!)
    return block.ptr
  }

  /** Sorts the groups by target partition into one block; pieces for each partition. */
  exchange(groups: GroupedRows, partitioner: Partitioner, attempt: number): Piece[][] {
    const { partitions } = partitioner
    const pieces: Piece[][] = Array.from({ length: partitions }, () => [])
    const { rows } = groups
    if (rows === 0) return pieces
    const kernels = this.#kernels
    const arena = this.#arena
    const startBytes = (partitions + 1) * 4
    const temporary = arena.alloc(rows * 12 + startBytes, attempt)
    try {
      const hashes = temporary
      const order = hashes + rows * 4
      const starts = order + rows * 4
      const parts = starts + startBytes
      const hash = groups.kind === 'utf8' ? kernels.hashViews : kernels.hashF64
      hash(groups.keys, rows, hashes)
      kernels.partitionOf(hashes, rows, partitions, parts)
      const u32 = arena.u32
      u32.fill(0, starts / 4, starts / 4 + partitions + 1)
      kernels.countPartitions(parts, rows, starts)
      kernels.prefixSums(starts, partitions)
      const bounds = Array.from(u32.subarray(starts / 4, starts / 4 + partitions))
      bounds.push(rows)
      kernels.orderByPartition(parts, rows, starts, order)
      const ptr = this.seal(groups, attempt, rows, order)
      for (let p = 0; p < partitions; p++) {
        const [from, to] = [bounds[p]!, bounds[p + 1]!]
        if (to > from) pieces[p]!.push({ kind: 'block', ptr, from, to })
      }
    } finally {
      arena.free(temporary)
    }
    return pieces
  }
}
