/**
 * Masks: one byte a row, 0 or 1. Selections: the indexes of rows (u32), in order. `out` may be an
 * operand.
 */

export function andMasks(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + n
  for (; end - out >= 16; a += 16, b += 16, out += 16) {
    v128.store(out, v128.and(v128.load(a), v128.load(b)))
  }
  for (; out !== end; a++, b++, out++) store<u8>(out, load<u8>(a) & load<u8>(b))
}

export function orMasks(a: usize, b: usize, n: u32, out: usize): void {
  const end = out + n
  for (; end - out >= 16; a += 16, b += 16, out += 16) {
    v128.store(out, v128.or(v128.load(a), v128.load(b)))
  }
  for (; out !== end; a++, b++, out++) store<u8>(out, load<u8>(a) | load<u8>(b))
}

export function notMask(a: usize, n: u32, out: usize): void {
  const end = out + n
  const ones = i8x16.splat(1)
  for (; end - out >= 16; a += 16, out += 16) v128.store(out, v128.xor(v128.load(a), ones))
  for (; out !== end; a++, out++) store<u8>(out, load<u8>(a) ^ 1)
}

/** Number of rows that the mask has. */
export function countMask(mask: usize, n: u32): u32 {
  const end = mask + n
  let count: u32 = 0
  for (; end - mask >= 16; mask += 16) count += popcnt(marked(mask))
  for (; mask !== end; mask++) count += load<u8>(mask)
  return count
}

/** The selection of a mask's rows. Up to `n` words are written. Returns how many are selected. */
export function maskToRows(mask: usize, n: u32, rows: usize): u32 {
  const first = rows
  let i: u32 = 0
  for (; i + 16 <= n; i += 16) {
    const bits = marked(mask + i)
    if (bits === 0) continue
    if (bits === 0xffff) {
      storeRows(rows, i)
      rows += 64
      continue
    }
    // Writes every row and keeps the place of those that count: no branch to mispredict.
    for (let j: u32 = 0; j < 16; j++) {
      store<u32>(rows, i + j)
      rows += ((bits >> j) & 1) << 2
    }
  }
  for (; i < n; i++) {
    store<u32>(rows, i)
    rows += (load<u8>(mask + i) as u32) << 2
  }
  return (rows - first) >> 2
}

/** Writes the numbers of a mask's rows. Up to `n` are written. Returns how many are selected. */
export function filterF64(values: usize, mask: usize, n: u32, out: usize): u32 {
  const first = out
  const end = mask + n
  for (; mask !== end; mask++, values += 8) {
    store<u64>(out, load<u64>(values))
    out += (load<u8>(mask) as u32) << 3
  }
  return (out - first) >> 3
}

/** Writes the number of `a` where the mask has the row, else that of `b`. */
export function pickF64(mask: usize, a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 3)
  for (; out !== end; mask++, a += 8, b += 8, out += 8) {
    store<u64>(out, load<u8>(mask) ? load<u64>(a) : load<u64>(b))
  }
}

/** Writes the view of `a` where the mask has the row, else that of `b`. */
export function pickViews(mask: usize, a: usize, b: usize, n: u32, out: usize): void {
  const end = out + (n << 4)
  for (; out !== end; mask++, a += 16, b += 16, out += 16) {
    v128.store(out, v128.load(load<u8>(mask) ? a : b))
  }
}

/** The mask of a column of bits. */
export function bitsToMask(bits: usize, n: u32, mask: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    store<u8>(mask + i, (load<u8>(bits + (i >> 3)) >> ((i & 7) as u8)) & 1)
  }
}

/** The column of bits of a mask; the last byte's bits beyond `n` are 0. */
export function maskToBits(mask: usize, n: u32, bits: usize): void {
  const end = mask + n
  for (; end - mask >= 16; mask += 16, bits += 2) store<u16>(bits, marked(mask) as u16)
  for (let i: u32 = 0; mask !== end; mask++, i++) {
    const byte = bits + (i >> 3)
    const before: u32 = (i & 7) === 0 ? 0 : (load<u8>(byte) as u32)
    store<u8>(byte, (before | ((load<u8>(mask) as u32) << (i & 7))) as u8)
  }
}

/** Bits of the rows marked in 16 bytes. */
function marked(mask: usize): u32 {
  return i8x16.bitmask(i8x16.ne(v128.load(mask), i8x16.splat(0))) as u32
}

function storeRows(rows: usize, first: u32): void {
  let v = i32x4.add(i32x4.splat(first as i32), i32x4(0, 1, 2, 3))
  const four = i32x4.splat(4)
  for (let i: u32 = 0; i < 64; i += 16) {
    v128.store(rows + i, v)
    v = i32x4.add(v, four)
  }
}
