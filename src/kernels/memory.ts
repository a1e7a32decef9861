/**
 * What all kernels share: how text lies in memory.
 *
 * Kernels are AssemblyScript: TypeScript's syntax, WebAssembly's types. `usize` is an address, an
 * unsigned 32-bit integer. There are no heap objects, strings or data segments here, because
 * several instances share one memory, and no decorators, so that the files are TypeScript too.
 *
 * A view is 16 bytes: u32 length, then the text itself, zero-padded, where it has at most 12
 * bytes; else its first 4 bytes, its u32 address, and u32 zero.
 */

/** The last address that 16 bytes can be loaded from; right at 4 GiB, where the size wraps to 0. */
export function lastLoad(): usize {
  return ((memory.size() as usize) << 16) - 16
}

/** 16 bytes at `p`; those beyond the end of memory are zero. `last` is `lastLoad()`. */
export function loadNear(p: usize, last: usize): v128 {
  if (p <= last) return v128.load(p)
  const shift = i8x16.splat((p - last) as i8)
  return i8x16.swizzle(
    v128.load(last),
    i8x16.add(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), shift),
  )
}

/** The view of a text of at most 12 bytes that `bytes` opens with. */
export function inlineView(bytes: v128, length: u32): v128 {
  const used = i8x16.lt_s(
    i8x16(-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
    i8x16.splat(length as i8),
  )
  const moved = v128.shuffle<u8>(bytes, bytes, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
  return i32x4.replace_lane(v128.and(moved, used), 0, length)
}

/** Writes the view of the text [start, start + length) at `out`. */
export function writeView(out: usize, start: usize, length: u32, last: usize): void {
  if (length <= 12) v128.store(out, inlineView(loadNear(start, last), length))
  else writeLongView(out, start, length)
}

/** Writes the view of a text of more than 12 bytes. */
export function writeLongView(out: usize, start: usize, length: u32): void {
  store<u32>(out, length)
  store<u32>(out, load<u32>(start), 4)
  store<u64>(out, start as u64, 8)
}

/** Where the text of the view at `view` lies. */
export function textOf(view: usize): usize {
  return load<u32>(view) <= 12 ? view + 4 : load<u32>(view, 8)
}

/** Whether [a, a + length) and [b, b + length) hold the same bytes. */
export function sameBytes(a: usize, b: usize, length: u32): boolean {
  const end = a + length
  while (end - a >= 8) {
    if (load<u64>(a) !== load<u64>(b)) return false
    a += 8
    b += 8
  }
  while (a !== end) {
    if (load<u8>(a) !== load<u8>(b)) return false
    a++
    b++
  }
  return true
}

/** Copies text to where nothing of it lies yet. */
export function copyText(to: usize, from: usize, length: u32): void {
  // A call of memory.copy takes longer than short texts, which are copied as two pieces that
  // overlap.
  if (length > 32) {
    memory.copy(to, from, length)
  } else if (length >= 16) {
    const tail = v128.load(from + length - 16)
    v128.store(to, v128.load(from))
    v128.store(to + length - 16, tail)
  } else if (length >= 8) {
    const tail = load<u64>(from + length - 8)
    store<u64>(to, load<u64>(from))
    store<u64>(to + length - 8, tail)
  } else if (length >= 4) {
    const tail = load<u32>(from + length - 4)
    store<u32>(to, load<u32>(from))
    store<u32>(to + length - 4, tail)
  } else {
    for (let i: u32 = 0; i < length; i++) store<u8>(to + i, load<u8>(from + i))
  }
}
