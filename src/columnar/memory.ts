/**
 * Views over one whole memory, indexed by its addresses. The arena is one; a plain ArrayBuffer
 * serves where rows are rewritten on the way.
 */
export interface Memory {
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  readonly f64: Float64Array
  readonly i64: BigInt64Array
  readonly bytes: Buffer
}

/** A memory that hands out chunks, as the arena does. */
export interface ChunkMemory extends Memory {
  /** Returns the address of a new chunk, a multiple of 16. */
  alloc(bytes: number, owner: number): number
  free(address: number): void
}

/** A memory of its own, not shared, at least `bytes` long. */
export function privateMemory(bytes: number): Memory {
  const buffer = new ArrayBuffer(Math.ceil(bytes / 16) * 16)
  return {
    u8: new Uint8Array(buffer),
    u32: new Uint32Array(buffer),
    f64: new Float64Array(buffer),
    i64: new BigInt64Array(buffer),
    bytes: Buffer.from(buffer),
  }
}
