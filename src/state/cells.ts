/**
 * Values as cells of 8 bytes. A number is itself. What is no number is a NaN that no computation
 * gives (NaN boxing, Gudeman 1993): the upper word tells what it is.
 *
 * ```
 *  upper word     lower word
 *  0xffff0000     –              no state
 *  0xffff0001     address        length (u32) and bytes of the codec, in the heap
 *  0xffff0002     0 … 3          undefined, null, false, true
 * ```
 */
import { decodeValue } from '../columnar/codec.ts'
import type { Memory } from '../columnar/memory.ts'

const ABSENT = 0xffff0000
const BYTES = 0xffff0001
const CONSTANT = 0xffff0002
const NAN = 0x7ff80000

const constants = [undefined, null, false, true] as const

/** Whether cell `at` (an index of numbers) stands for no state. */
export function isAbsent(u32: Uint32Array, at: number): boolean {
  return isAbsentWord(u32[2 * at + 1]!)
}

/** The same by a cell's upper word. */
export function isAbsentWord(high: number): boolean {
  return high === ABSENT
}

export function putAbsent(u32: Uint32Array, at: number): void {
  u32[2 * at] = 0
  u32[2 * at + 1] = ABSENT
}

/** Puts NaN or a constant into a cell; false for values that need bytes in the heap. */
export function putPlain(u32: Uint32Array, at: number, value: unknown): boolean {
  const constant = constants.indexOf(value as undefined)
  if (constant < 0 && typeof value !== 'number') return false
  u32[2 * at] = Math.max(0, constant)
  u32[2 * at + 1] = constant < 0 ? NAN : CONSTANT
  return true
}

/** Has a cell point to bytes in the heap. */
export function putAddress(u32: Uint32Array, at: number, address: number): void {
  u32[2 * at] = address
  u32[2 * at + 1] = BYTES
}

/** Where the bytes of a cell lie, behind their length; 0 where it has none. */
export function addressOf(u32: Uint32Array, at: number): number {
  return u32[2 * at + 1] === BYTES ? u32[2 * at]! : 0
}

/** Copies cells; a NaN that JavaScript takes in its hands may change. */
export function copyCell(u32: Uint32Array, to: number, from: number): void {
  u32[2 * to] = u32[2 * from]!
  u32[2 * to + 1] = u32[2 * from + 1]!
}

/** The value of a cell that is not absent. */
export function cellValue(memory: Memory, low: number, high: number): unknown {
  if (high === BYTES) return decodeValue(bytesAt(memory, low))
  if (high === CONSTANT) return constants[low]
  words[0] = low
  words[1] = high
  return number[0]
}

const number = new Float64Array(1)
const words = new Uint32Array(number.buffer)

/** The bytes whose length lies at `address`. */
export function bytesAt({ u8, u32 }: Memory, address: number): Uint8Array {
  return u8.subarray(address + 4, address + 4 + u32[address / 4]!)
}
