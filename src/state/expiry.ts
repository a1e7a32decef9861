/**
 * Which states may have timed out, without looking at all of them: ids in buckets by the time of
 * their last record, as in a hashed timing wheel (Varghese and Lauck 1987). A record changes the
 * time of its state and moves nothing. A bucket that comes due is taken apart: what has a later
 * time than its bucket goes to the bucket of that time, so each state is looked at once a timeout
 * at most.
 *
 *   heads   bucket 0 ─▶ id 7 ─▶ id 2 ─▶ end    the time of a state is that of its bucket or later
 *           bucket 1 ─▶ end
 *           bucket 2 ─▶ id 5 ─▶ end            bucket of a time: ⌊time / width⌋ mod buckets
 */
import { isAbsent } from './cells.ts'

const END = 0xffffffff
/** Of an id that is in no bucket. */
export const UNLINKED = 0xfffffffe

/** When states time out, and the batches in which that may be. */
export interface Expiry {
  /** Milliseconds without a record. */
  readonly timeout: number
  /** Milliseconds from one batch to the next. */
  readonly slide: number
}

const bucketsMax = 1024

/** How the buckets of a table are cut. */
export function bucketsFor({ timeout, slide }: Expiry): { width: number; buckets: number } {
  const width = Math.max(1, Math.ceil(timeout / slide / bucketsMax)) * slide
  return { width, buckets: Math.floor(timeout / width) + 3 }
}

/** The words that a wheel lies in. */
export interface WheelMemory {
  readonly u32: Uint32Array
  readonly f64: Float64Array
}

/** The wheel of a table, and how it is cut. */
export interface Wheel {
  /** Addresses. */
  readonly links: number
  readonly heads: number
  /** Index of the cell of id 0, whose time lies behind it, and numbers from one to the next. */
  readonly cells: number
  readonly stride: number
  readonly buckets: number
  readonly width: number
}

/** Puts an id into the bucket of its time. */
export function link({ u32, f64 }: WheelMemory, wheel: Wheel, id: number): void {
  const { links, heads, cells, stride, buckets, width } = wheel
  const head = heads / 4 + (Math.floor(f64[cells + id * stride + 1]! / width) % buckets)
  u32[links / 4 + id] = u32[head]!
  u32[head] = id
}

export function clearWheel({ u32 }: Pick<WheelMemory, 'u32'>, { heads, buckets }: Wheel): void {
  u32.fill(END, heads / 4, heads / 4 + buckets)
}

/** Puts all ids that have a state where their times say. */
export function relink(memory: WheelMemory, wheel: Wheel, count: number): void {
  const { u32 } = memory
  const { cells, stride } = wheel
  const links = wheel.links / 4
  clearWheel(memory, wheel)
  for (let id = 0; id < count; id++) {
    if (isAbsent(u32, cells + id * stride)) u32[links + id] = UNLINKED
    else link(memory, wheel, id)
  }
}

/**
 * The ids whose time lies before `due`, in order; they are in no bucket afterwards. Buckets of
 * times before `walked` have been emptied already.
 */
export function takeDue(memory: WheelMemory, wheel: Wheel, walked: number, due: number): number[] {
  const { u32, f64 } = memory
  const { heads, cells, stride, width, buckets } = wheel
  const links = wheel.links / 4
  const last = Math.floor(due / width)
  const first = Math.max(0, Math.floor(walked / width), last - buckets + 1)
  const found: number[] = []
  for (let bucket = first; bucket <= last; bucket++) {
    const head = heads / 4 + (bucket % buckets)
    let id = u32[head]!
    u32[head] = END
    while (id !== END) {
      const next = u32[links + id]!
      u32[links + id] = UNLINKED
      if (!isAbsent(u32, cells + id * stride)) {
        if (f64[cells + id * stride + 1]! < due) found.push(id)
        else link(memory, wheel, id)
      }
      id = next
    }
  }
  return found.sort((a, b) => a - b)
}
