/**
 * Small chunks: runs of 2 KiB cells inside a page, taken by one compareExchange on the word that
 * holds the page's free cells. The protocol is in arena-layout.ts.
 */
import {
  type ArenaTables,
  CELL_PAGE,
  CELLS_PER_PAGE,
  findRun,
  HIGH_PAGE_WORD,
  lowBits,
  SPARE_WORD,
  SPARES,
} from './arena-layout.ts'
import { claimPages, releasePages } from './arena-pages.ts'

const ALL_FREE = -1
/** Open pages that one search tries before it opens a new page; the next search goes on there. */
const PROBES_MAX = 32

/** Takes `count` (1 to 31) adjacent cells for `owner`: the first one, or 0 where none are left. */
export function claimCells(tables: ArenaTables, count: number, owner: number): number {
  let cell = tables.cellPage === 0 ? 0 : claimIn(tables, tables.cellPage, count)
  if (cell === 0) cell = searchOpenPages(tables, count)
  if (cell === 0) cell = openPage(tables, count)
  if (cell === 0) return 0
  const { cellSpan, cellOwner } = tables
  cellSpan[cell] = count
  for (let k = 1; k < count; k++) cellSpan[cell + k] = -k
  Atomics.store(cellOwner, cell, owner)
  return cell
}

/** Gives cells back (their owner word is 0 already), and the page once all its cells are free. */
export function releaseCells(tables: ArenaTables, cell: number, count: number): void {
  const page = cell >>> 5
  const mask = lowBits(count) << (cell & 31)
  const free = Atomics.or(tables.cellFree, page, mask) | mask
  setOpen(tables, page)
  if (free === ALL_FREE && !keepAsSpare(tables, page)) closePage(tables, page)
}

/** Gives the empty pages back that are kept as spares; for when pages run out. */
export function closeSpares(tables: ArenaTables): void {
  for (let slot = SPARE_WORD; slot < SPARE_WORD + SPARES; slot++) {
    const page = Atomics.exchange(tables.header, slot, 0)
    if (page > 0) closePage(tables, page)
  }
}

function claimIn(tables: ArenaTables, page: number, count: number): number {
  const { cellFree } = tables
  let free = Atomics.load(cellFree, page)
  while (free !== 0) {
    const bit = findRun(free, count)
    if (bit < 0) return 0
    const rest = free & ~(lowBits(count) << bit)
    const old = Atomics.compareExchange(cellFree, page, free, rest)
    if (old === free) {
      if (rest === 0) clearOpen(tables, page)
      return page * CELLS_PER_PAGE + bit
    }
    free = old
  }
  return 0
}

/** Next fit over the open pages: those too fragmented for this request aren't tried for ever. */
function searchOpenPages(tables: ArenaTables, count: number): number {
  const { header, openBits, cellFree } = tables
  const words = (Atomics.load(header, HIGH_PAGE_WORD) + 31) >>> 5
  let word = tables.cellCursor >>> 5
  if (word >= words) word = 0
  let skip = -1 << (tables.cellCursor & 31)
  let probes = 0
  for (let k = 0; k <= words; k++) {
    let open = Atomics.load(openBits, word) & skip
    skip = -1
    while (open !== 0) {
      const bit = 31 - Math.clz32(open & -open)
      open &= open - 1
      const page = (word << 5) + bit
      if (Atomics.load(cellFree, page) === 0) clearOpen(tables, page)
      const cell = claimIn(tables, page, count)
      if (cell !== 0 || ++probes === PROBES_MAX) {
        tables.cellCursor = cell === 0 ? page + 1 : page
        if (cell !== 0) tables.cellPage = page
        return cell
      }
    }
    word = word + 1 >= words ? 0 : word + 1
  }
  return 0
}

function openPage(tables: ArenaTables, count: number): number {
  const page = claimPages(tables, 1, CELL_PAGE)
  if (page === 0) return 0
  Atomics.store(tables.cellFree, page, ~lowBits(count))
  setOpen(tables, page)
  tables.cellPage = page
  return page * CELLS_PER_PAGE
}

/** Keeps a page that just became empty, unless the page kept in its slot is empty too. */
function keepAsSpare(tables: ArenaTables, page: number): boolean {
  const { header, cellFree } = tables
  const slot = SPARE_WORD + (page % SPARES)
  const kept = Atomics.load(header, slot)
  if (kept === page) return true
  if (kept !== 0 && Atomics.load(cellFree, kept) === ALL_FREE) return false
  return Atomics.compareExchange(header, slot, kept, page) === kept
}

/** Gives an empty page back, unless somebody takes a cell of it first. */
export function closePage(tables: ArenaTables, page: number): boolean {
  const { cellFree, openBits, pageOwner } = tables
  if (Atomics.compareExchange(cellFree, page, ALL_FREE, 0) !== ALL_FREE) return false
  Atomics.and(openBits, page >>> 5, ~(1 << (page & 31)))
  Atomics.store(pageOwner, page, 0)
  releasePages(tables, page, 1)
  return true
}

function setOpen(tables: ArenaTables, page: number): void {
  const bit = 1 << (page & 31)
  if ((Atomics.load(tables.openBits, page >>> 5) & bit) === 0) {
    Atomics.or(tables.openBits, page >>> 5, bit)
  }
}

function clearOpen(tables: ArenaTables, page: number): void {
  Atomics.and(tables.openBits, page >>> 5, ~(1 << (page & 31)))
  // A free between taking the last cell and clearing the bit has found the bit set.
  if (Atomics.load(tables.cellFree, page) !== 0) setOpen(tables, page)
}
