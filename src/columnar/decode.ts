/** Views and numbers in memory as JavaScript values, without a block around them. */
import { Utf8Column } from './column-text.ts'
import { HAS_LONG, IS_ASCII, IS_WTF8 } from './format.ts'
import type { KernelExports } from './kernel-exports.ts'
import type { Memory } from './memory.ts'
import { UTF8 } from './schema.ts'

const holds = 1

/** The strings of `rows` views at `at`. */
export function decodeViews(
  memory: Memory,
  kernels: KernelExports,
  at: number,
  rows: number,
): ArrayLike<string> {
  if (rows === 0) return []
  const isAscii = kernels.isAsciiViews(at, rows) === holds
  // Looking for halves in every text by itself takes longer than decoding it.
  const other = !isAscii && kernels.hasSurrogates(at, rows) === holds ? IS_WTF8 : 0
  const long = kernels.longBytes(at, rows) > 0 ? HAS_LONG : 0
  const flags = long | (isAscii ? IS_ASCII : other)
  const none = { validity: 0, undefineds: 0, heap: 0, heapBytes: 0 }
  const node = { kind: UTF8, flags, rows, data: at, ...none, names: [], shapes: [], children: [] }
  return new Utf8Column(memory, node).decode(0, rows) as ArrayLike<string>
}
