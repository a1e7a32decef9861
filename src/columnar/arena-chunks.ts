/**
 * Chunks, whether pages or cells. Inside, a live chunk is named by a number: its first page, or
 * the negative of its first cell (both count from the start of the memory and are never 0).
 */
import { PeltonError, preview } from '../errors.ts'
import { unaccountedPages } from './arena-account.ts'
import { claimCells, closeSpares, releaseCells } from './arena-cells.ts'
import {
  type ArenaTables,
  CELL_BYTES,
  CELL_PAGE,
  CELL_REQUEST_BYTES_MAX,
  CELLS_PER_PAGE,
  IN_USE_WORD,
  OWNER_MAX,
  PAGE_BYTES,
  PARK_WORD,
  PEAK_WORD,
  raiseWord,
  takeHead,
} from './arena-layout.ts'
import { claimPages, growPages, releasePages } from './arena-pages.ts'

const POISON = 0xa5
/** Times that a claim is tried again, 1 ms apart, while other threads hold pages half claimed. */
const RETRIES_MAX = 10

/** Hands out a chunk of at least `bytes` bytes and returns its address. */
export function allocateChunk(tables: ArenaTables, bytes: number, owner: number): number {
  if (!(bytes >= 0)) throw badArgument('bytes', bytes, 'give a number of bytes, 0 or more')
  checkOwner(owner)
  const cells = bytes <= CELL_REQUEST_BYTES_MAX ? Math.ceil(bytes / CELL_BYTES) || 1 : 0
  const pages = cells > 0 ? 0 : Math.ceil(bytes / PAGE_BYTES)
  const counted = cells + pages * CELLS_PER_PAGE
  const inUse = countIn(tables, counted)
  if (inUse === 0) throw full(tables, bytes, owner, '')
  const address = claim(tables, cells, pages, owner) || claimAgain(tables, cells, pages, owner)
  if (address === 0) {
    Atomics.sub(tables.header, IN_USE_WORD, counted)
    throw full(tables, bytes, owner, ', but no free run is long enough')
  }
  if (inUse > Atomics.load(tables.header, PEAK_WORD)) raiseWord(tables.header, PEAK_WORD, inUse)
  return address
}

/** Frees the chunk at `address`, filling it with poison where a view to do so is given. */
export function freeChunk(tables: ArenaTables, address: number, poisoned?: Uint8Array): void {
  const chunk = findHead(tables, address)
  if (chunk !== 0 && endChunk(tables, chunk, poisoned) > 0) return
  const inside = findChunk(tables, address)
  throw new PeltonError(
    `Cannot free ${formatAddress(address)}: ` +
      (inside === 0
        ? 'no live chunk starts there; it was freed before, or never allocated'
        : `it lies inside the chunk at ${formatAddress(inside)}; free that address`),
    { code: 'ARENA_FREE' },
  )
}

/**
 * Frees a chunk by name and returns its bytes; 0 where another thread was first, or where it
 * belongs to somebody else than the `owner` given.
 */
export function endChunk(
  tables: ArenaTables,
  chunk: number,
  poisoned: Uint8Array | undefined,
  owner = 0,
): number {
  if (!takeHead(ownersOf(tables, chunk), Math.abs(chunk), owner)) return 0
  const bytes = chunkBytes(tables, chunk)
  if (poisoned !== undefined) {
    const start = addressOf(chunk)
    poisoned.fill(POISON, start, start + bytes)
  }
  if (chunk > 0) releasePages(tables, chunk, bytes / PAGE_BYTES)
  else releaseCells(tables, -chunk, bytes / CELL_BYTES)
  Atomics.sub(tables.header, IN_USE_WORD, bytes / CELL_BYTES)
  return bytes
}

/** The name of the live chunk at `address`; throws for `method` where none starts there. */
export function chunkAt(tables: ArenaTables, address: number, method: string): number {
  const chunk = findHead(tables, address)
  if (chunk === 0 || Atomics.load(ownersOf(tables, chunk), Math.abs(chunk)) <= 0) {
    throw noChunk(method, address)
  }
  return chunk
}

/** Bytes of a chunk by name. */
export function chunkBytes(tables: ArenaTables, chunk: number): number {
  return chunk > 0 ? tables.pageSpan[chunk]! * PAGE_BYTES : tables.cellSpan[-chunk]! * CELL_BYTES
}

/** Owner of a chunk by name. */
export function chunkOwner(tables: ArenaTables, chunk: number): number {
  return Atomics.load(ownersOf(tables, chunk), Math.abs(chunk))
}

/** Makes `owner` the owner of the chunk at `address`. */
export function passChunk(tables: ArenaTables, address: number, owner: number): void {
  checkOwner(owner)
  const chunk = chunkAt(tables, address, 'setOwner')
  const owners = ownersOf(tables, chunk)
  const index = Math.abs(chunk)
  let seen = Atomics.load(owners, index)
  // A plain store could bring a chunk back to life that another thread is freeing.
  while (seen > 0) {
    const old = Atomics.compareExchange(owners, index, seen, owner)
    if (old === seen) return
    seen = old
  }
  throw noChunk('setOwner', address)
}

/** Address of the live chunk that `pointer` points into. */
export function chunkContaining(tables: ArenaTables, pointer: number): number {
  const address = findChunk(tables, pointer)
  if (address === 0) throw noChunk('chunkOf', pointer)
  return address
}

/** Adds to the cells in use and returns their number, or 0 where that would be over the limit. */
function countIn(tables: ArenaTables, cells: number): number {
  const { header, limitCells } = tables
  // Looking first keeps requests that can't succeed from pushing others over the limit.
  while (Atomics.load(header, IN_USE_WORD) + cells <= limitCells) {
    const inUse = Atomics.add(header, IN_USE_WORD, cells) + cells
    if (inUse <= limitCells) return inUse
    Atomics.sub(header, IN_USE_WORD, cells)
  }
  return 0
}

function claim(tables: ArenaTables, cells: number, pages: number, owner: number): number {
  return cells > 0
    ? claimCells(tables, cells, owner) * CELL_BYTES
    : claimPages(tables, pages, owner) * PAGE_BYTES
}

/** After a claim in vain: makes room, or waits for claims of other threads that may be undone. */
function claimAgain(tables: ArenaTables, cells: number, pages: number, owner: number): number {
  closeSpares(tables)
  for (let retries = 0; retries < RETRIES_MAX; ) {
    const address = claim(tables, cells, pages, owner)
    if (address !== 0) return address
    if (growPages(tables, Math.max(pages, 1))) continue
    if (unaccountedPages(tables) === 0) return 0
    Atomics.wait(tables.header, PARK_WORD, 0, 1)
    retries++
  }
  return 0
}

/** The chunk that starts at `address` if any does (the owner word says whether), or 0. */
function findHead(tables: ArenaTables, address: number): number {
  const page = address >>> 16
  if (address >>> 0 !== address || page >= tables.maxPages) return 0
  if (Atomics.load(tables.pageOwner, page) === CELL_PAGE) {
    return (address & (CELL_BYTES - 1)) === 0 ? -(address >>> 11) : 0
  }
  return (address & (PAGE_BYTES - 1)) === 0 ? page : 0
}

/** The address of the live chunk around `pointer`, or 0. */
function findChunk(tables: ArenaTables, pointer: number): number {
  const { pageOwner, pageSpan, cellOwner, cellSpan } = tables
  const page = pointer >>> 16
  const whole = Math.trunc(pointer)
  if (pointer >>> 0 !== whole || page >= tables.maxPages) return 0
  const isCell = Atomics.load(pageOwner, page) === CELL_PAGE
  const index = isCell ? pointer >>> 11 : page
  const span = isCell ? cellSpan : pageSpan
  const head = index + Math.min(span[index]!, 0)
  const live = head > 0 && Atomics.load(isCell ? cellOwner : pageOwner, head) > 0
  if (!live || index - head >= span[head]!) return 0
  return addressOf(isCell ? -head : head)
}

function ownersOf(tables: ArenaTables, chunk: number): Int32Array {
  return chunk > 0 ? tables.pageOwner : tables.cellOwner
}

function addressOf(chunk: number): number {
  return chunk > 0 ? chunk * PAGE_BYTES : -chunk * CELL_BYTES
}

function formatAddress(address: unknown): string {
  return Number.isSafeInteger(address) ? `address ${address}` : preview(address)
}

function checkOwner(owner: number): void {
  if ((owner | 0) === owner && owner > 0) return
  throw badArgument('owner', owner, `give an integer from 1 to ${OWNER_MAX}`)
}

function badArgument(name: string, value: unknown, remedy: string): PeltonError {
  return new PeltonError(`The arena was called with ${name} ${preview(value)}; ${remedy}`, {
    code: 'ARENA_ARGUMENT',
  })
}

function noChunk(method: string, address: number): PeltonError {
  return new PeltonError(
    `${method}: no live chunk at ${formatAddress(address)}; it was freed, or the pointer is ` +
      'wrong (a pointer from WASM is signed: apply >>> 0)',
    { code: 'ARENA_ADDRESS' },
  )
}

function full(tables: ArenaTables, bytes: number, owner: number, detail: string): PeltonError {
  const inUse = Atomics.load(tables.header, IN_USE_WORD) * CELL_BYTES
  const limit = tables.limitCells * CELL_BYTES
  return new PeltonError(
    `The arena is full: ${bytes} bytes asked for owner ${owner}, ${inUse} of ${limit} bytes ` +
      `in use${detail}; raise the memory option, shorten windows and state, or slow the ` +
      'receivers down',
    { code: 'ARENA_FULL' },
  )
}
