/** A memory of 4 GiB with kernels over it, and ways to put columns there and to read them. */
import { buildKernels } from '../../scripts/build-kernels.ts'
import type { SharedMemory } from '../../src/columnar/arena-layout.ts'
import { type KernelExports, openKernels } from '../../src/columnar/kernels.ts'
import { readWtf8, type TextBuffer, textBytes } from '../../src/columnar/text.ts'

buildKernels()

/** Where a test puts its columns: addresses are unsigned, so both halves must work. */
export const places = [
  { place: 'low addresses', base: 65_536 },
  { place: 'addresses above 2 GiB', base: 0xa000_0000 },
] as const

export const MEMORY_END = 2 ** 32

export class KernelMemory {
  readonly kernels: KernelExports
  readonly u8: Uint8Array
  readonly u16: Uint16Array
  readonly u32: Uint32Array
  readonly f64: Float64Array
  readonly bytes: TextBuffer
  #base = 65_536
  #top = 65_536

  constructor() {
    const pages = MEMORY_END / 65_536
    const { Memory } = (globalThis as any).WebAssembly
    const memory: SharedMemory = new Memory({ initial: pages, maximum: pages, shared: true })
    this.kernels = openKernels(memory)
    this.u8 = new Uint8Array(memory.buffer)
    this.u16 = new Uint16Array(memory.buffer)
    this.u32 = new Uint32Array(memory.buffer)
    this.f64 = new Float64Array(memory.buffer)
    this.bytes = Buffer.from(memory.buffer) as TextBuffer
  }

  /** Hands memory out from `base` again. */
  rewind(base: number): void {
    this.#base = base
    this.#top = base
  }

  /** New memory, full of 0xdb, with at least 16 such bytes behind it. */
  alloc(bytes: number): number {
    const address = this.#top
    this.#top += Math.ceil(bytes / 16) * 16 + 16
    if (this.#top > this.#base + 2 ** 29) throw new Error('the test takes too much memory')
    this.u8.fill(0xdb, address, this.#top)
    return address
  }

  putBytes(bytes: ArrayLike<number>): number {
    const address = this.alloc(bytes.length)
    this.u8.set(bytes, address)
    return address
  }

  putU16(values: ArrayLike<number>): number {
    const address = this.alloc(values.length * 2)
    this.u16.set(values, address / 2)
    return address
  }

  putU32(values: ArrayLike<number>): number {
    const address = this.alloc(values.length * 4)
    this.u32.set(values, address / 4)
    return address
  }

  /** Numbers; each NaN with other bits, as they may come from other programs. */
  putF64(values: ArrayLike<number>): number {
    const address = this.alloc(values.length * 8)
    this.f64.set(values, address / 8)
    for (let i = 0; i < values.length; i++) {
      if (Number.isNaN(values[i])) this.u32[address / 4 + 2 * i + 1] = 0x7ff80000 + i * 0x80000001
    }
    return address
  }

  putViews(texts: readonly string[]): number {
    const views = this.alloc(texts.length * 16)
    texts.forEach((text, i) => {
      const bytes = textBytes(text)
      const view = views + 16 * i
      this.u8.fill(0, view, view + 16)
      this.u32[view / 4] = bytes.length
      if (bytes.length <= 12) {
        this.u8.set(bytes, view + 4)
      } else {
        this.u8.set(bytes.subarray(0, 4), view + 4)
        this.u32[view / 4 + 2] = this.putBytes(bytes)
      }
    })
    return views
  }

  readU8(address: number, n: number): number[] {
    return Array.from(this.u8.subarray(address, address + n))
  }

  readU16(address: number, n: number): number[] {
    return Array.from(this.u16.subarray(address / 2, address / 2 + n))
  }

  readU32(address: number, n: number): number[] {
    return Array.from(this.u32.subarray(address / 4, address / 4 + n))
  }

  readF64(address: number, n: number): number[] {
    return Array.from(this.f64.subarray(address / 8, address / 8 + n))
  }

  /** The texts of views, after a check that they have the one form that views have. */
  readViews(views: number, n: number): string[] {
    return Array.from({ length: n }, (_, i) => this.#readView(views + 16 * i))
  }

  #readView(view: number): string {
    const [length, prefix, address, zero] = this.readU32(view, 4) as [
      number,
      number,
      number,
      number,
    ]
    if (length <= 12) {
      const rest = this.u8.subarray(view + 4 + length, view + 16)
      if (rest.some(byte => byte !== 0)) throw new Error(`view at ${view} is not zero-padded`)
      return readWtf8(this.bytes, view + 4, view + 4 + length)
    }
    if (zero !== 0) throw new Error(`view at ${view} has a last word ${zero}`)
    if (this.bytes.readUInt32LE(address) !== prefix) throw new Error(`view at ${view}: prefix`)
    return readWtf8(this.bytes, address, address + length)
  }
}
