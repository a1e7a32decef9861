/**
 * The arena: one shared WebAssembly memory that holds all blocks and state. Every thread hands
 * chunks out and takes them back without a lock; a thread may be killed at any instruction. How
 * that works is written in arena-layout.ts.
 */
import { PeltonError, preview } from '../errors.ts'
import { reconcileTables, takenPages, visitOwned } from './arena-account.ts'
import {
  allocateChunk,
  chunkAt,
  chunkBytes,
  chunkContaining,
  chunkOwner,
  endChunk,
  freeChunk,
  passChunk,
} from './arena-chunks.ts'
import {
  type ArenaTables,
  CAPACITY_WORD,
  CELL_BYTES,
  IN_USE_WORD,
  isFormatted,
  openTables,
  PAGE_BYTES,
  PEAK_WORD,
} from './arena-layout.ts'
import { type ArenaHandle, type ArenaOptions, createArenaMemory } from './arena-memory.ts'

export type { ArenaHandle, ArenaOptions } from './arena-memory.ts'

/**
 * Shared memory that hands out chunks.
 *
 * Obligations of the caller: a chunk is freed once, by whichever thread; nobody uses it afterwards;
 * an owner is reaped only after its thread's `exit` event; typed arrays are taken from the getters
 * again after a chunk was received or allocated, because the memory may have grown.
 *
 * @example
 * const arena = Arena.create({ limitBytes: 256 * 2 ** 20 })
 * const worker = new Worker(url, { workerData: arena.handle() }) // there: Arena.attach(workerData)
 * const address = arena.alloc(1000 * 8, 7) // for attempt 7
 * arena.f64[address / 8] = Math.PI
 * arena.free(address)
 */
export class Arena {
  /** Bytes that live chunks may occupy; less than asked for where the address space is short. */
  readonly limitBytes: number
  readonly #tables: ArenaTables
  readonly #header: Int32Array
  readonly #handle: ArenaHandle
  /** Pages that the views below cover at least. */
  #viewPages = 0
  #u8!: Uint8Array
  #u32!: Uint32Array
  #i32!: Int32Array
  #f64!: Float64Array
  #i64!: BigInt64Array
  #bytes!: Buffer
  #buffer!: SharedArrayBuffer

  private constructor(handle: ArenaHandle) {
    this.limitBytes = handle.limitBytes
    this.#handle = handle
    this.#tables = openTables(handle.memory, handle.maxPages, handle.limitBytes / CELL_BYTES)
    this.#header = this.#tables.header
    this.refresh()
  }

  /**
   * Reserves the memory of a new arena. It goes when no thread refers to it any more.
   *
   * @throws PeltonError `ARENA_OPTIONS` for sizes that don't fit, `ARENA_RESERVE` where not even a
   * small memory can be had.
   * @example Arena.create({ limitBytes: 2 ** 31, poison: true })
   */
  static create(options: ArenaOptions = {}): Arena {
    return new Arena(createArenaMemory(options))
  }

  /**
   * The same arena in another thread.
   *
   * @throws PeltonError `ARENA_HANDLE` where the memory of `handle` is no arena.
   * @example const arena = Arena.attach(workerData.arena)
   */
  static attach(handle: ArenaHandle): Arena {
    if (handle?.memory && isFormatted(handle.memory, handle.maxPages)) return new Arena(handle)
    throw new PeltonError(
      `Cannot attach to ${preview(handle)}: not an arena of this version of Pelton; ` +
        'pass what arena.handle() returned',
      { code: 'ARENA_HANDLE' },
    )
  }

  /** What `Arena.attach` needs; can be sent to any thread of this process. */
  handle(): ArenaHandle {
    return this.#handle
  }

  /** The whole memory as bytes. Like the other views: take it again after memory may have grown. */
  get u8(): Uint8Array {
    if (this.#isStale()) this.refresh()
    return this.#u8
  }

  get u32(): Uint32Array {
    if (this.#isStale()) this.refresh()
    return this.#u32
  }

  get i32(): Int32Array {
    if (this.#isStale()) this.refresh()
    return this.#i32
  }

  get f64(): Float64Array {
    if (this.#isStale()) this.refresh()
    return this.#f64
  }

  get i64(): BigInt64Array {
    if (this.#isStale()) this.refresh()
    return this.#i64
  }

  /** A Buffer over the whole memory, for `toString`, `write`, `indexOf` and `compare`. */
  get bytes(): Buffer {
    if (this.#isStale()) this.refresh()
    return this.#bytes
  }

  get buffer(): SharedArrayBuffer {
    if (this.#isStale()) this.refresh()
    return this.#buffer
  }

  /** Makes the views cover what the memory has grown to; the getters do it when they have to. */
  refresh(): void {
    const { memory } = this.#tables
    const pages = Atomics.load(this.#header, CAPACITY_WORD)
    // Growth by another thread reaches this one a moment later; growing by nothing hurries it.
    if (memory.buffer.byteLength < pages * PAGE_BYTES) memory.grow(0)
    const { buffer } = memory
    this.#buffer = buffer
    this.#u8 = new Uint8Array(buffer)
    this.#u32 = new Uint32Array(buffer)
    this.#i32 = new Int32Array(buffer)
    this.#f64 = new Float64Array(buffer)
    this.#i64 = new BigInt64Array(buffer)
    this.#bytes = Buffer.from(buffer)
    this.#viewPages = pages
  }

  /**
   * Hands out a chunk of at least `bytes` bytes (0 is allowed), aligned to 2 KiB, with arbitrary
   * contents, belonging to `owner` (1 to 2^31 - 1). Any thread.
   *
   * @returns its address, greater than 0; up to 2^32, so `>>> 0` what comes back from WASM.
   * @throws PeltonError `ARENA_FULL`, `ARENA_ARGUMENT`.
   * @example const address = arena.alloc(rows * 8, attempt)
   */
  alloc(bytes: number, owner: number): number {
    return allocateChunk(this.#tables, bytes, owner)
  }

  /**
   * Takes a chunk back. Any thread, not only the one that allocated it.
   *
   * @throws PeltonError `ARENA_FREE` where no live chunk starts at `address`.
   * @example arena.free(address)
   */
  free(address: number): void {
    freeChunk(this.#tables, address, this.#handle.poison ? this.u8 : undefined)
  }

  /** Usable bytes of the chunk at `address`: what was asked for, rounded up to cells or pages. */
  sizeOf(address: number): number {
    return chunkBytes(this.#tables, chunkAt(this.#tables, address, 'sizeOf'))
  }

  /** The owner of the chunk at `address`; PeltonError `ARENA_ADDRESS` where there is none. */
  ownerOf(address: number): number {
    return chunkOwner(this.#tables, chunkAt(this.#tables, address, 'ownerOf'))
  }

  /** Passes the chunk at `address` on, as from the attempt that wrote it to the block it is now. */
  setOwner(address: number, owner: number): void {
    passChunk(this.#tables, address, owner)
  }

  /**
   * The address of the live chunk that `pointer` points into.
   *
   * @throws PeltonError `ARENA_ADDRESS` where it points into none.
   * @example arena.chunkOf(arena.alloc(100, 1) + 50)
   */
  chunkOf(pointer: number): number {
    return chunkContaining(this.#tables, pointer)
  }

  /**
   * Frees all chunks of an owner that nobody writes for any more: its thread has exited.
   *
   * @returns bytes freed.
   * @example worker.once('exit', () => arena.reap(attempt))
   */
  reap(owner: number): number {
    const poisoned = this.#handle.poison ? this.u8 : undefined
    let bytes = 0
    visitOwned(this.#tables, owner, chunk => {
      bytes += endChunk(this.#tables, chunk, poisoned, owner)
    })
    return bytes
  }

  /** Bytes of the live chunks of `owner`. */
  ownedBy(owner: number): number {
    let bytes = 0
    visitOwned(this.#tables, owner, chunk => {
      bytes += chunkBytes(this.#tables, chunk)
    })
    return bytes
  }

  /**
   * Reclaims what killed threads had taken without writing an owner, and counts the bytes in use
   * anew. Main thread only, while no other thread allocates or frees, after `reap` of the dead.
   *
   * @returns pages in which something was reclaimed.
   * @example if (tasksRunning === 0) arena.reconcile()
   */
  reconcile(): number {
    return reconcileTables(this.#tables)
  }

  /** Bytes of all live chunks, each rounded up to cells or pages. */
  bytesInUse(): number {
    return Atomics.load(this.#header, IN_USE_WORD) * CELL_BYTES
  }

  /** The most bytes that were in use at once. */
  peakBytes(): number {
    return Atomics.load(this.#header, PEAK_WORD) * CELL_BYTES
  }

  /** Pages taken: of chunks, of partly filled cell pages, and up to 8 empty ones kept as spares. */
  pagesTaken(): number {
    return takenPages(this.#tables)
  }

  #isStale(): boolean {
    // A plain load, a third of the cost: an address from another thread came by a message or an
    // atomic operation, which has brought the capacity that goes with it.
    return this.#header[CAPACITY_WORD] !== this.#viewPages
  }
}
