import type { Bench } from 'tinybench'
import { Arena } from '../../src/columnar/arena.ts'

const OWNER = 1
const HELD_CHUNKS = 1000
const SMALL_BYTES = 2048
const LARGE_BYTES = 1 << 20

/** Chunks handed out and taken back on one thread, in an arena that is in use. */
export function addArena(bench: Bench): void {
  const arena = Arena.create({ limitBytes: 2 ** 28 })
  // An empty arena would find its first cell free every time.
  for (let i = 0; i < HELD_CHUNKS; i++) arena.alloc(SMALL_BYTES, OWNER)
  for (const [name, bytes] of [
    ['2 KiB', SMALL_BYTES],
    ['1 MiB', LARGE_BYTES],
  ] as const) {
    bench.add(`arena: alloc and free ${name}`, () => arena.free(arena.alloc(bytes, OWNER)))
  }
}
