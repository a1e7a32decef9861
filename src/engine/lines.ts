/**
 * Text as lines. A line ends at `\n` or where the text ends; one `\r` right before that end is no
 * part of it, any other `\r` is.
 */
import { PeltonError, preview } from '../errors.ts'

const newline = 10
const carriageReturn = '\r'
/** Bytes that are decoded together: cutting one string is faster than decoding every line. */
const slabBytes = 256 * 1024
const defaultLineBytes = 16 * 1024 * 1024
const singleReportsMax = 10

/** Cuts decoded text into lines. */
export function linesOf(text: string): string[] {
  const lines: string[] = []
  let start = 0
  while (start < text.length) {
    let end = text.indexOf('\n', start)
    if (end < 0) end = text.length
    const stop = end > start && text[end - 1] === carriageReturn ? end - 1 : end
    lines.push(text.slice(start, stop))
    start = end + 1
  }
  return lines
}

/** Lines of UTF-8 in [from, to), a bounded number at once; what is no UTF-8 becomes U+FFFD. */
export function* linesInBytes(bytes: Buffer, from: number, to: number): Generator<string[]> {
  while (from < to) {
    const end = slabEnd(bytes, from, to)
    yield linesOf(bytes.toString('utf8', from, end))
    from = end
  }
}

/** End of the slab that starts at `from`: behind the last newline of a bounded stretch. */
function slabEnd(bytes: Buffer, from: number, to: number): number {
  const end = from + slabBytes
  if (end >= to) return to
  const last = bytes.lastIndexOf(newline, end - 1)
  if (last >= from) return last + 1
  const next = bytes.indexOf(newline, end)
  return next < 0 || next >= to ? to : next + 1
}

export interface LineFeedOptions {
  /** Longest line in bytes, its newline not counted; default 16 MiB. */
  readonly maxLineBytes?: number | undefined
  /** The most that the arena takes, as `maxLineBytes`. */
  readonly rowBytesMax: number
  /** Where the text comes from, for messages. */
  readonly from: string
  readonly report: (message: string) => void
}

/**
 * Makes whole lines of bytes that come in pieces, cut anywhere. A line that is too long is left
 * out.
 */
export class LineFeed {
  #options: LineFeedOptions
  #maxBytes: number
  /** The line that has begun and not ended yet. */
  #carry: Uint8Array[] = []
  #carryBytes = 0
  /** True while the rest of a line that is too long goes by. */
  #skipping = false
  #tooLong = 0

  constructor(options: LineFeedOptions) {
    this.#options = options
    const { maxLineBytes = defaultLineBytes, rowBytesMax } = options
    // The newline is stored too.
    this.#maxBytes = Math.min(maxLineBytes, rowBytesMax - 1)
  }

  /**
   * Runs of whole lines, each ended by a newline, that `bytes` completes. They may share its
   * memory.
   */
  push(bytes: Buffer): Buffer[] {
    const first = bytes.indexOf(newline)
    if (first < 0) {
      this.#hold(bytes)
      return []
    }
    const runs: Buffer[] = []
    let from = 0
    if (this.#skipping || this.#carryBytes > 0) {
      from = first + 1
      this.#finish(bytes.subarray(0, from), runs)
    }
    const end = bytes.lastIndexOf(newline) + 1
    this.#whole(bytes.subarray(from, end), runs)
    if (end < bytes.length) this.#hold(bytes.subarray(end))
    return runs
  }

  /** The last line, if it lacks its newline. */
  end(): Buffer[] {
    const runs: Buffer[] = []
    if (this.#skipping || this.#carryBytes > 0) this.#finish(Buffer.of(newline), runs)
    return runs
  }

  /** Forgets the line that has begun. */
  reset(): void {
    this.#carry = []
    this.#carryBytes = 0
    this.#skipping = false
  }

  #finish(rest: Buffer, runs: Buffer[]): void {
    if (!this.#skipping) {
      if (this.#carryBytes + rest.length - 1 > this.#maxBytes) this.#leaveOut()
      else runs.push(Buffer.concat([...this.#carry, rest]))
    }
    this.reset()
  }

  #whole(lines: Buffer, runs: Buffer[]): void {
    if (lines.length === 0) return
    if (lines.length - 1 <= this.#maxBytes) {
      runs.push(lines)
      return
    }
    let from = 0
    for (let at = 0; at < lines.length; ) {
      const end = lines.indexOf(newline, at) + 1
      if (end - 1 - at > this.#maxBytes) {
        if (at > from) runs.push(lines.subarray(from, at))
        from = end
        this.#leaveOut()
      }
      at = end
    }
    if (from < lines.length) runs.push(lines.subarray(from))
  }

  #hold(bytes: Buffer): void {
    if (this.#skipping) return
    this.#carryBytes += bytes.length
    if (this.#carryBytes > this.#maxBytes) {
      this.#leaveOut()
      this.reset()
      this.#skipping = true
      return
    }
    this.#carry.push(Buffer.from(bytes))
  }

  /**
   * Says so; after a few times only now and then, or a stream of such lines would flood the log.
   */
  #leaveOut(): void {
    const count = ++this.#tooLong
    if (count > singleReportsMax && !/^10*$/.test(String(count))) return
    const { from, report, maxLineBytes } = this.#options
    const isOwn = this.#maxBytes === (maxLineBytes ?? defaultLineBytes)
    const limit = isOwn ? 'maxLineBytes' : 'what the memory option allows'
    report(
      `a line from ${from} is longer than ${limit}, ${this.#maxBytes} bytes, and was left out ` +
        `(${count} so far); raise ${isOwn ? 'maxLineBytes' : 'memory'} if such lines are meant`,
    )
  }
}

/** Checks the option of that name; undefined is allowed. */
export function checkMaxLineBytes(operator: string, value: unknown): void {
  if (value === undefined || (Number.isInteger(value) && Number(value) > 0)) return
  throw new PeltonError(
    `${operator}: maxLineBytes is ${preview(value)}; give a positive whole number of bytes`,
    { code: 'OPTION', operator },
  )
}
