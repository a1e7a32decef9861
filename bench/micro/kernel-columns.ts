/** What the measurements of kernels share: memory with columns of words and numbers. */
import { Arena } from '../../src/columnar/arena.ts'
import { type KernelExports, openKernels } from '../../src/columnar/kernels.ts'
import { generateBytes } from '../generate.ts'
import { SplitMix64 } from '../splitmix.ts'

const OWNER = 1
export const ROWS = 16_384
/** A tenth of W1's text: 100,000 lines, a million words. */
export const SCALE = 0.1
export const WORDS = 1_000_000
export const SLOTS = 2 ** 18
/** Slots that one vector of new keys needs. */
export const VECTOR_SLOTS = 2 * ROWS
/** One measurement: what it does to how many rows. */
export interface Case {
  readonly name: string
  readonly rows: number
  run(): void
}

/** Memory and columns that the cases share. */
export class Columns {
  readonly arena = Arena.create({ limitBytes: 2 ** 30 })
  readonly kernels: KernelExports
  readonly text: number
  readonly textEnd: number
  readonly state = this.alloc(64)
  readonly words = this.alloc(16 * ROWS)
  readonly upper = this.alloc(16 * ROWS)
  readonly lines = this.alloc(16 * ROWS)
  readonly numbers = this.alloc(8 * ROWS)
  readonly divisors = this.alloc(8 * ROWS)
  readonly fractions = this.alloc(8 * ROWS)
  readonly decimals = this.alloc(16 * ROWS)
  readonly hashes = this.alloc(4 * ROWS)
  readonly gids = this.alloc(4 * ROWS)
  readonly order = this.alloc(4 * ROWS)
  readonly mask = this.alloc(ROWS)
  readonly otherMask = this.alloc(ROWS)
  readonly out = this.alloc(16 * 16 * ROWS)
  readonly heap = this.alloc(64 * ROWS)
  readonly slots = this.alloc(4 * SLOTS)
  readonly keys = this.#keysOf(SLOTS)
  readonly otherKeys = this.alloc(16 * SLOTS)
  readonly accumulators = this.alloc(8 * SLOTS)
  /** A table that holds the words of the vector. */
  readonly knownSlots = this.alloc(8 * VECTOR_SLOTS)
  readonly knownKeys = this.#keysOf(ROWS)
  known = 0
  groups = 0

  /** `wrap` may stand between the cases and the kernels. */
  constructor(wrap: (kernels: KernelExports) => KernelExports = kernels => kernels) {
    this.kernels = wrap(openKernels(this.arena.handle().memory))
    const pieces: Uint8Array[] = []
    generateBytes('w1.txt', SCALE, bytes => pieces.push(bytes.slice()))
    const bytes = Buffer.concat(pieces)
    this.text = this.alloc(bytes.length)
    this.textEnd = this.text + bytes.length
    this.arena.u8.set(bytes, this.text)
    this.#fill()
  }

  alloc(bytes: number): number {
    return this.arena.alloc(bytes, OWNER)
  }

  /** Room for keys, and for the one in front of them that kernels write. */
  #keysOf(groups: number): number {
    return this.alloc(16 + 16 * groups) + 16
  }

  rewindText(): void {
    this.arena.u32[this.state / 4] = this.text
    this.arena.u32[this.state / 4 + 1] = 0
  }

  isTextDone(): boolean {
    return this.arena.u32[this.state / 4] === this.textEnd
  }

  clearGroups(slots = SLOTS): void {
    this.groups = 0
    this.kernels.zeroBytes(this.slots, 4 * slots)
    this.kernels.zeroBytes(this.accumulators, 8 * slots)
  }

  #fill(): void {
    const { kernels, arena, state } = this
    this.rewindText()
    kernels.splitText(this.textEnd, 32, this.words, ROWS, state)
    kernels.lowerViews(this.words, ROWS, this.upper, this.heap)
    this.rewindText()
    kernels.splitLines(this.textEnd, this.lines, ROWS, state)
    const random = new SplitMix64(7)
    for (let i = 0; i < ROWS; i++) {
      const number = random.below(1_000_000_000)
      arena.f64[this.numbers / 8 + i] = number
      arena.f64[this.divisors / 8 + i] = random.below(10_000)
      arena.f64[this.fractions / 8 + i] = random.unit() * 1000
      arena.u8[this.mask + i] = random.below(2)
      arena.u8[this.otherMask + i] = random.below(2)
      const text = `${number / 100}`
      arena.u32[(this.decimals + 16 * i) / 4] = text.length
      arena.u8.set(Buffer.from(text.padEnd(12, '\0')), this.decimals + 16 * i + 4)
    }
    kernels.hashViews(this.words, ROWS, this.hashes)
    kernels.firstRows(this.order, ROWS)
    const { words, knownSlots, knownKeys, gids } = this
    arena.u8.fill(0, knownSlots, knownSlots + 8 * VECTOR_SLOTS)
    this.known = kernels.groupViews(words, ROWS, knownSlots, VECTOR_SLOTS - 1, knownKeys, 0, gids)
  }
}
