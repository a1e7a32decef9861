/** Creates the arena's memory: as much address space as the process can have, 4 GiB if possible. */
import { totalmem } from 'node:os'
import { PeltonError, preview } from '../errors.ts'
import {
  CELL_BYTES,
  formatTables,
  metadataPages,
  openTables,
  PAGE_BYTES,
  PAGES_MAX,
  type SharedMemory,
} from './arena-layout.ts'

/** How large an arena is and what it does with freed chunks. */
export interface ArenaOptions {
  /**
   * Bytes that live chunks may occupy. Default: half of the memory of the machine or container.
   * Never more than the reservation without the arena's own tables (0.3 %).
   */
  limitBytes?: number
  /** Address space to reserve; default 4 GiB, less where the process can't have that much. */
  reserveBytes?: number
  /** Fill freed chunks with 0xA5, so that tests notice who reads them. */
  poison?: boolean
}

/** What another thread needs to attach to an arena; can be sent by `postMessage`. */
export interface ArenaHandle {
  readonly memory: SharedMemory
  readonly maxPages: number
  readonly limitBytes: number
  readonly poison: boolean
}

interface MemoryDescriptor {
  initial: number
  maximum: number
  shared: true
}
interface Platform {
  readonly WebAssembly: { readonly Memory: new (descriptor: MemoryDescriptor) => SharedMemory }
}

const RESERVE_BYTES = PAGES_MAX * PAGE_BYTES
const RESERVE_BYTES_MIN = 32 * PAGE_BYTES
/** Where not even this many pages (64 MiB) can be reserved at once, the memory begins small. */
const FIXED_PAGES_MIN = 1024
const GROWING_INITIAL_PAGES = 128

/** Reserves memory for `options`, in descending sizes, and formats it. */
export function createArenaMemory(options: ArenaOptions): ArenaHandle {
  const { limitBytes, reserveBytes = RESERVE_BYTES, poison = false } = options
  checkBytes('reserveBytes', reserveBytes, RESERVE_BYTES_MIN)
  if (limitBytes !== undefined) {
    checkBytes('limitBytes', limitBytes, CELL_BYTES)
    if (limitBytes > reserveBytes) {
      throw new PeltonError(
        `The arena's limitBytes ${limitBytes} is more than its reservation of ${reserveBytes} ` +
          'bytes; lower limitBytes or raise reserveBytes',
        { code: 'ARENA_OPTIONS' },
      )
    }
  }
  const { memory, maxPages } = reserve(Math.ceil(reserveBytes / (32 * PAGE_BYTES)) * 32)
  return formatArenaMemory(memory, maxPages, limitBytes ?? defaultLimitBytes(), poison)
}

/**
 * Makes an arena of a zeroed shared memory. `memory` may be shorter than `maxPages` pages and then
 * grows; both lengths are multiples of 32 pages.
 */
export function formatArenaMemory(
  memory: SharedMemory,
  maxPages: number,
  limitBytes: number,
  poison: boolean,
): ArenaHandle {
  const usableBytes = (maxPages - metadataPages(maxPages)) * PAGE_BYTES
  const limitCells = Math.floor(Math.min(limitBytes, usableBytes) / CELL_BYTES)
  formatTables(openTables(memory, maxPages, limitCells))
  return { memory, maxPages, limitBytes: limitCells * CELL_BYTES, poison }
}

/**
 * Reserving is free (the system commits pages when they are touched), so all of it is asked for at
 * once, then half, and so on. Growing is the last resort: for a maximum that it can't reserve V8
 * silently takes three quarters, half, a quarter or nothing of it. A failed try costs 20 to 40 ms
 * of garbage collection.
 */
function reserve(pages: number): { memory: SharedMemory; maxPages: number } {
  const least = Math.min(pages, FIXED_PAGES_MIN)
  for (let fixed = pages; fixed > least; fixed = Math.max(halve(fixed), least)) {
    const memory = tryMemory(fixed, fixed)
    if (memory !== undefined) return { memory, maxPages: fixed }
  }
  for (const initial of [least, Math.min(least, GROWING_INITIAL_PAGES)]) {
    const memory = tryMemory(initial, least)
    if (memory !== undefined) return { memory, maxPages: least }
  }
  throw new PeltonError(
    `Cannot reserve ${GROWING_INITIAL_PAGES * PAGE_BYTES} bytes of shared memory for the arena; ` +
      'raise the address space limit of the process (ulimit -v)',
    { code: 'ARENA_RESERVE' },
  )
}

function halve(pages: number): number {
  return Math.ceil(pages / 64) * 32
}

function tryMemory(initial: number, maximum: number): SharedMemory | undefined {
  try {
    const { Memory } = (globalThis as unknown as Platform).WebAssembly
    return new Memory({ initial, maximum, shared: true })
  } catch {
    return undefined
  }
}

function defaultLimitBytes(): number {
  // 0 and absurdly large values both mean that no container limits the process.
  const container = process.constrainedMemory() || Number.POSITIVE_INFINITY
  return Math.max(64 * 2 ** 20, Math.floor(Math.min(totalmem(), container) / 2))
}

function checkBytes(name: string, value: unknown, least: number): void {
  if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= RESERVE_BYTES)
    return
  throw new PeltonError(
    `The arena's ${name} is ${preview(value)}; give an integer from ${least} to ${RESERVE_BYTES} ` +
      'bytes (4 GiB, what 32-bit pointers reach)',
    { code: 'ARENA_OPTIONS' },
  )
}
