/**
 * Text as bytes: UTF-8, and WTF-8 for strings with lone surrogates (each lone half is written as
 * the three bytes that UTF-8 would use for its code point, so nothing is lost).
 *
 * A string is referred to by a 16-byte view:
 * ```
 *  word 0     word 1          word 2            word 3
 *  length     the bytes themselves, zero-padded                  length <= 12
 *  length     first 4 bytes   arena address     0                length > 12
 * ```
 */

/** The Buffer methods that @types/node leaves out; offsets may pass 2 GiB. */
export interface TextBuffer extends Buffer {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
  utf8Write(text: string, offset: number): number
}

/** Bytes of one view. */
export const VIEW_BYTES = 16
/** Longest text that lies in its view. */
export const INLINE_MAX = 12

/** True when every byte is below 128. */
export function isAsciiBytes(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 127) return false
  return true
}

/** Most bytes that `writeText` can need for `text`. */
export function textBytesMax(text: string): number {
  return text.length * 3
}

/**
 * Writes `text` at `offset`, in WTF-8 where it has lone surrogates, and returns the number of
 * bytes. `target` must have room for `textBytesMax(text)` bytes.
 */
export function writeText(target: TextBuffer, offset: number, text: string): number {
  const written = target.utf8Write(text, offset)
  // Equal lengths mean that every character took one byte: no surrogates at all.
  if (written === text.length || text.isWellFormed()) return written
  return writeWtf8(target, offset, text)
}

function writeWtf8(target: Uint8Array, offset: number, text: string): number {
  let p = offset
  for (let i = 0; i < text.length; i++) {
    const c = text.codePointAt(i)!
    if (c < 0x80) target[p++] = c
    else if (c < 0x800) {
      target[p++] = 0xc0 | (c >> 6)
      target[p++] = 0x80 | (c & 63)
    } else if (c < 0x10000) {
      target[p++] = 0xe0 | (c >> 12)
      target[p++] = 0x80 | ((c >> 6) & 63)
      target[p++] = 0x80 | (c & 63)
    } else {
      target[p++] = 0xf0 | (c >> 18)
      target[p++] = 0x80 | ((c >> 12) & 63)
      target[p++] = 0x80 | ((c >> 6) & 63)
      target[p++] = 0x80 | (c & 63)
      i++
    }
  }
  return p - offset
}

/** The bytes of `text` in an array of their own. */
export function textBytes(text: string): Uint8Array {
  const target = Buffer.allocUnsafe(textBytesMax(text)) as TextBuffer
  return new Uint8Array(target.subarray(0, writeText(target, 0, text)))
}

/** True when the bytes encode a lone surrogate, which plain UTF-8 decoders replace. */
export function hasLoneSurrogate(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end - 1; i++) {
    if (bytes[i] === 0xed && bytes[i + 1]! >= 0xa0) return true
  }
  return false
}

/** Decodes WTF-8 bytes; use it where `hasLoneSurrogate` may hold. */
export function readWtf8(bytes: TextBuffer, start: number, end: number): string {
  let text = ''
  let clean = start
  for (let i = start; i < end - 2; i++) {
    if (bytes[i] !== 0xed || bytes[i + 1]! < 0xa0) continue
    const half = 0xd000 | ((bytes[i + 1]! & 63) << 6) | (bytes[i + 2]! & 63)
    text += bytes.utf8Slice(clean, i) + String.fromCharCode(half)
    i += 2
    clean = i + 1
  }
  return text + bytes.utf8Slice(clean, end)
}
