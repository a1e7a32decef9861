/** Looks over the whole arena: whose chunks there are, and bits that belong to nobody. */
import { closePage } from './arena-cells.ts'
import {
  type ArenaTables,
  CAPACITY_WORD,
  CELL_PAGE,
  CELLS_PER_PAGE,
  HIGH_PAGE_WORD,
  IN_USE_WORD,
  lowBits,
} from './arena-layout.ts'

/** Calls `visit` with each live chunk of `owner`, named as in arena-chunks.ts. */
export function visitOwned(
  tables: ArenaTables,
  owner: number,
  visit: (chunk: number) => void,
): void {
  const { header, pageOwner, cellOwner } = tables
  const high = Atomics.load(header, HIGH_PAGE_WORD)
  for (let page = tables.firstPage; page < high; page++) {
    const found = Atomics.load(pageOwner, page)
    if (found === owner) visit(page)
    if (found !== CELL_PAGE) continue
    const first = page * CELLS_PER_PAGE
    for (let cell = first; cell < first + CELLS_PER_PAGE; cell++) {
      if (Atomics.load(cellOwner, cell) === owner) visit(-cell)
    }
  }
}

/** Pages whose bits are set without metadata, chunk or cell page: leaked, or being claimed now. */
export function unaccountedPages(tables: ArenaTables): number {
  const accounted = accountedBits(tables)
  let count = 0
  for (let word = 0; word < accounted.length; word++) {
    count += countBits(Atomics.load(tables.pageBits, word) & ~accounted[word]!)
  }
  return count
}

/** Pages taken, the metadata not counted. */
export function takenPages(tables: ArenaTables): number {
  const words = Atomics.load(tables.header, CAPACITY_WORD) >>> 5
  let count = -tables.firstPage
  for (let word = 0; word < words; word++) count += countBits(Atomics.load(tables.pageBits, word))
  return count
}

/**
 * Makes bitmaps and counters agree with the owner words again. Only while no other thread uses the
 * arena. Returns the pages in which something had leaked.
 */
export function reconcileTables(tables: ArenaTables): number {
  const { header, pageBits, pageOwner } = tables
  const high = Atomics.load(header, HIGH_PAGE_WORD)
  let reclaimed = 0
  for (let page = tables.firstPage; page < high; page++) {
    if (Atomics.load(pageOwner, page) === CELL_PAGE && reconcileCells(tables, page)) reclaimed++
  }
  const accounted = accountedBits(tables)
  for (let word = 0; word < accounted.length; word++) {
    const bits = Atomics.exchange(pageBits, word, accounted[word]!)
    reclaimed += countBits(bits & ~accounted[word]!)
  }
  Atomics.store(header, IN_USE_WORD, liveCells(tables))
  return reclaimed
}

/** Rebuilds the free cells of a page and gives it back if all are; whether cells had leaked. */
function reconcileCells(tables: ArenaTables, page: number): boolean {
  const { cellFree, cellOwner, cellSpan, openBits } = tables
  const first = page * CELLS_PER_PAGE
  let used = 0
  for (let k = 0; k < CELLS_PER_PAGE; k++) {
    if (Atomics.load(cellOwner, first + k) > 0) used |= lowBits(cellSpan[first + k]!) << k
  }
  const leaked = Atomics.exchange(cellFree, page, ~used) !== ~used
  const bit = 1 << (page & 31)
  if (used === -1) Atomics.and(openBits, page >>> 5, ~bit)
  else Atomics.or(openBits, page >>> 5, bit)
  closePage(tables, page)
  return leaked
}

function accountedBits(tables: ArenaTables): Int32Array {
  const { header, firstPage, pageOwner, pageSpan } = tables
  const capacity = Atomics.load(header, CAPACITY_WORD)
  const bits = new Int32Array(capacity / 32)
  for (let page = 0; page < firstPage; page++) bits[page >>> 5]! |= 1 << (page & 31)
  for (let page = firstPage; page < capacity; ) {
    const head = Atomics.load(pageOwner, page) !== 0
    const end = head ? Math.min(page + Math.max(pageSpan[page]!, 1), capacity) : page + 1
    for (; page < end; page++) if (head) bits[page >>> 5]! |= 1 << (page & 31)
  }
  return bits
}

function liveCells(tables: ArenaTables): number {
  const { header, firstPage, pageOwner, pageSpan, cellOwner, cellSpan } = tables
  const high = Atomics.load(header, HIGH_PAGE_WORD)
  let cells = 0
  for (let page = firstPage; page < high; page++) {
    const owner = Atomics.load(pageOwner, page)
    if (owner > 0) cells += pageSpan[page]! * CELLS_PER_PAGE
    if (owner !== CELL_PAGE) continue
    const first = page * CELLS_PER_PAGE
    for (let cell = first; cell < first + CELLS_PER_PAGE; cell++) {
      if (Atomics.load(cellOwner, cell) > 0) cells += cellSpan[cell]!
    }
  }
  return cells
}

function countBits(word: number): number {
  let count = 0
  for (let rest = word; rest !== 0; rest &= rest - 1) count++
  return count
}
