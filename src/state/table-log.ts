/**
 * What becomes of a table whose batch has written, or has begun to: it is undone, or sealed and
 * then committed. Any of the three may find a table that nobody has written; then it does nothing.
 */
import type { Arena } from '../columnar/arena.ts'
import { copyCell } from './cells.ts'
import { relink } from './expiry.ts'
import {
  addedChunks,
  BUCKETS,
  COUNT,
  chunksOf,
  GENERATION,
  HEADER_WORDS,
  HEADS,
  KIND,
  LINKS,
  LOG,
  LOG_COUNT,
  LOG_ENTRIES,
  LOG_ENTRY_WORDS,
  MASK,
  RECORDS,
  replacedChunks,
  SAVED,
  SLOTS,
  strideOf,
  TABLE_WORDS,
  WIDTH,
} from './table-layout.ts'

/** A new table without keys; returns the address of its header. */
export function createTable(arena: Arena, owner: number): number {
  const header = arena.alloc(TABLE_WORDS * 4, owner)
  arena.u32.fill(0, header / 4, header / 4 + TABLE_WORDS)
  setSaved(arena, header, Number.POSITIVE_INFINITY)
  return header
}

/** Notes that the states up to a batch have been saved; nobody may write them meanwhile. */
export function setSaved({ f64 }: Arena, header: number, time: number): void {
  f64[header / 8 + SAVED / 2] = time
}

/** Makes everything that a writer has taken `owner`'s: the writer has ended well. */
export function sealTable(arena: Arena, header: number, owner: number): void {
  const { u32 } = arena
  const log = u32[header / 4 + LOG]!
  if (log === 0) return
  for (const chunk of addedChunks(u32, log / 4, header / 4)) arena.setOwner(chunk, owner)
  arena.setOwner(log, owner)
}

/** Lets go of what was there before a batch; `free` is told of its chunks. */
export function commitTable(arena: Arena, header: number, free: (chunk: number) => void): void {
  const { u32 } = arena
  const log = u32[header / 4 + LOG]!
  if (log === 0) return
  Atomics.store(u32, header / 4 + LOG, 0)
  for (const chunk of replacedChunks(u32, log / 4, header / 4)) free(chunk)
  free(log)
}

/**
 * Brings back what was there before a batch, whoever has written it and however far it got. With
 * `free`, its chunks are given back: those of a sealed table; an attempt's own go with the attempt.
 */
export function undoTable(arena: Arena, header: number, free: boolean): void {
  const { u32 } = arena
  const at = header / 4
  const log = u32[at + LOG]! / 4
  if (log === 0) return
  Atomics.add(u32, at + GENERATION, 1)
  const taken = free ? [...addedChunks(u32, log, at), log * 4] : []
  undoCells(arena, log)
  undoSlots(u32, log)
  // The log's own word holds what the header's was: none.
  u32.copyWithin(at, log, log + HEADER_WORDS)
  undoWheel(arena, at)
  Atomics.add(u32, at + GENERATION, 1)
  for (const chunk of taken) arena.free(chunk)
}

/**
 * The same for some tables of an attempt that has failed, where it has written them: one that only
 * reads finds what the batch at hand has written and sealed, which stays.
 */
export function undoTables(arena: Arena, headers: readonly number[], attempt: number): void {
  for (const header of headers) {
    const log = arena.u32[header / 4 + LOG]!
    if (log !== 0 && arena.ownerOf(log) === attempt) undoTable(arena, header, false)
  }
}

function undoCells({ u32, f64 }: Arena, log: number): void {
  const count = u32[log + COUNT]!
  const { cells, stride } = cellsOf(u32, log)
  for (let i = u32[log + LOG_COUNT]! - 1; i >= 0; i--) {
    const entry = log + LOG_ENTRIES / 4 + i * LOG_ENTRY_WORDS
    const id = u32[entry]!
    if (id >= count) continue
    copyCell(u32, cells + id * stride, entry / 2 + 1)
    f64[cells + id * stride + 1] = f64[entry / 2 + 2]!
  }
}

/** Where the cells of the records lie that the words at `at` point to. */
function cellsOf(u32: Uint32Array, at: number): { cells: number; stride: number } {
  const stride = strideOf(u32[at + KIND]!)
  return { cells: u32[at + RECORDS]! / 8 + stride - 2, stride }
}

/** A batch only fills empty slots, so those of new ids become empty again. */
function undoSlots(u32: Uint32Array, log: number): void {
  const [count, slots] = [u32[log + COUNT]!, u32[log + SLOTS]! / 4]
  if (slots === 0) return
  for (let i = slots; i <= slots + u32[log + MASK]!; i++) if (u32[i]! > count) u32[i] = 0
}

function undoWheel(arena: Arena, at: number): void {
  const { u32, f64 } = arena
  const word = (name: number): number => u32[at + name]!
  if (word(BUCKETS) === 0) return
  const wheel = {
    links: word(LINKS),
    heads: word(HEADS),
    ...cellsOf(u32, at),
    buckets: word(BUCKETS),
    width: f64[(at + WIDTH) / 2]!,
  }
  relink(arena, wheel, word(COUNT))
}

/** Gives a table's memory back. */
export function freeTable(arena: Arena, header: number): void {
  commitTable(arena, header, chunk => arena.free(chunk))
  for (const chunk of chunksOf(arena.u32, header / 4)) arena.free(chunk)
  arena.free(header)
}
