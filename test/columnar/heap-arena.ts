import type { ChunkMemory } from '../../src/columnar/memory.ts'

/** A small arena that never reuses memory and fills freed chunks, for tests of blocks alone. */
export class HeapArena implements ChunkMemory {
  readonly buffer: SharedArrayBuffer
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  readonly f64: Float64Array
  readonly i64: BigInt64Array
  readonly bytes: Buffer
  readonly live = new Map<number, { bytes: number; owner: number }>()
  #top = 4096

  constructor(bytes = 1 << 22) {
    this.buffer = new SharedArrayBuffer(bytes)
    this.u8 = new Uint8Array(this.buffer).fill(0xdb)
    this.u32 = new Uint32Array(this.buffer)
    this.f64 = new Float64Array(this.buffer)
    this.i64 = new BigInt64Array(this.buffer)
    this.bytes = Buffer.from(this.buffer)
  }

  alloc(bytes: number, owner: number): number {
    const address = this.#top
    this.#top += Math.ceil(bytes / 16) * 16
    if (this.#top > this.u8.length) throw new Error('the test arena is full')
    this.live.set(address, { bytes, owner })
    return address
  }

  free(address: number): void {
    const chunk = this.live.get(address)
    if (chunk === undefined) throw new Error(`no chunk at ${address}`)
    this.u8.fill(0xdb, address, address + chunk.bytes)
    this.live.delete(address)
  }

  /** Hands out memory from the start again; nothing may be live. */
  rewind(): void {
    if (this.live.size > 0) throw new Error(`${this.live.size} chunks were not freed`)
    this.u8.fill(0xdb, 4096, this.#top)
    this.#top = 4096
  }
}
