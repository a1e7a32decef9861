/** Lines on their way into the arena, as the bytes they are. */
import type { Arena } from '../columnar/arena.ts'
import { PeltonError } from '../errors.ts'
import { intakeOwner, storeOwner } from './block-store.ts'

const newline = 10

/** A chunk of the arena that whole lines are copied into. */
export class TextChunk {
  readonly start: number
  readonly size: number
  rows = 0
  readonly #arena: Arena
  #length = 0

  constructor(arena: Arena, bytes: number) {
    this.#arena = arena
    this.start = arena.alloc(bytes, intakeOwner)
    this.size = bytes
  }

  get space(): number {
    return this.size - this.#length
  }

  /** Copies whole lines in and returns their number. */
  write(lines: Uint8Array): number {
    this.#arena.u8.set(lines, this.start + this.#length)
    this.#length += lines.length
    const rows = countLines(lines)
    this.rows += rows
    return rows
  }

  /**
   * Hands the chunk over; a mostly empty one is copied into one that fits, as a window may keep
   * it.
   */
  seal(): { start: number; end: number } {
    const arena = this.#arena
    let { start } = this
    if (this.#length * 2 < this.size) {
      try {
        start = arena.alloc(this.#length, storeOwner)
        arena.u8.copyWithin(start, this.start, this.start + this.#length)
        arena.free(this.start)
      } catch (error) {
        if (!isArenaFull(error)) throw error
        start = this.start
      }
    }
    if (start === this.start) arena.setOwner(start, storeOwner)
    return { start, end: start + this.#length }
  }
}

/** Newlines in whole lines. */
export function countLines(bytes: Uint8Array): number {
  let lines = 0
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines++
  return lines
}

/** Whether an allocation failed for want of room. */
export function isArenaFull(error: unknown): boolean {
  return error instanceof PeltonError && error.code === 'ARENA_FULL'
}
