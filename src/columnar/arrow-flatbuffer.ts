/**
 * As much of FlatBuffers as Arrow's messages need. A table is written front to back:
 *
 * ```
 *  vtable: u16 its size, u16 the table's size, u16 place of each field (0: absent)
 *  table:  i32 distance back to the vtable, then the fields
 *  what the fields refer to, each by a u32 distance from the field
 * ```
 */

/** A field's value. `undefined` leaves the field out, so that readers see its default. */
export type FlatValue =
  | { readonly kind: 'i8'; readonly value: number }
  | { readonly kind: 'i16'; readonly value: number }
  | { readonly kind: 'i32'; readonly value: number }
  | { readonly kind: 'i64'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'table'; readonly value: FlatTable }
  | { readonly kind: 'tables'; readonly value: readonly FlatTable[] }
  /** Pairs of 64-bit integers, one after the other. */
  | { readonly kind: 'pairs'; readonly value: readonly number[] }

/** The fields of a table by their number in the schema. */
export type FlatTable = readonly (FlatValue | undefined)[]

const SIZES = { i8: 1, i16: 2, i32: 4, i64: 8, text: 4, table: 4, tables: 4, pairs: 4 }

export const i8 = (value: number): FlatValue => ({ kind: 'i8', value })
export const i16 = (value: number): FlatValue => ({ kind: 'i16', value })
export const i32 = (value: number): FlatValue => ({ kind: 'i32', value })
export const i64 = (value: number): FlatValue => ({ kind: 'i64', value })
export const text = (value: string): FlatValue => ({ kind: 'text', value })
export const table = (value: FlatTable): FlatValue => ({ kind: 'table', value })
export const tables = (value: readonly FlatTable[]): FlatValue => ({ kind: 'tables', value })
export const pairs = (value: readonly number[]): FlatValue => ({ kind: 'pairs', value })

/** The bytes of a buffer with this root table, padded to a multiple of 8. */
export function writeFlatBuffer(root: FlatTable): Uint8Array {
  const writer = new FlatWriter()
  writer.take(4, 4)
  writer.refer(0, writer.writeTable(root))
  writer.take(0, 8)
  return writer.bytes.subarray(0, writer.length)
}

class FlatWriter {
  bytes = new Uint8Array(1024)
  view = new DataView(this.bytes.buffer)
  length = 0

  /** Makes room for `size` zero bytes at a multiple of `alignment`; returns where. */
  take(size: number, alignment: number): number {
    const at = Math.ceil(this.length / alignment) * alignment
    this.length = at + size
    if (this.length > this.bytes.length) {
      const bytes = new Uint8Array(this.length * 2)
      bytes.set(this.bytes)
      this.bytes = bytes
      this.view = new DataView(bytes.buffer)
    }
    return at
  }

  /** Stores at `from` the distance to `to`. */
  refer(from: number, to: number): void {
    this.view.setUint32(from, to - from, true)
  }

  writeTable(fields: FlatTable): number {
    const vtable = this.take(4 + 2 * fields.length, 2)
    // Largest first, so that no field needs padding after another.
    const order = fields
      .map((field, slot) => ({ slot, size: field === undefined ? 0 : SIZES[field.kind] }))
      .filter(({ size }) => size > 0)
      .sort((a, b) => b.size - a.size)
    // The fields start at a multiple of 8, the 4 bytes before them hold the way to the vtable.
    const start = this.take(order.reduce((sum, { size }) => sum + size, 0) + 8, 8) + 4
    this.view.setInt32(start, start - vtable, true)
    this.view.setUint16(vtable, 4 + 2 * fields.length, true)
    this.view.setUint16(vtable + 2, this.length - start, true)
    let at = start + 4
    for (const { slot, size } of order) {
      this.view.setUint16(vtable + 4 + 2 * slot, at - start, true)
      at += size
    }
    for (const { slot } of order) {
      this.#writeField(start + this.view.getUint16(vtable + 4 + 2 * slot, true), fields[slot]!)
    }
    return start
  }

  #writeField(at: number, field: FlatValue): void {
    if (field.kind === 'i8') this.view.setInt8(at, field.value)
    else if (field.kind === 'i16') this.view.setInt16(at, field.value, true)
    else if (field.kind === 'i32') this.view.setInt32(at, field.value, true)
    else if (field.kind === 'i64') this.view.setBigInt64(at, BigInt(field.value), true)
    else if (field.kind === 'text') this.refer(at, this.#writeText(field.value))
    else if (field.kind === 'table') this.refer(at, this.writeTable(field.value))
    else if (field.kind === 'tables') this.refer(at, this.#writeTables(field.value))
    else this.refer(at, this.#writePairs(field.value))
  }

  #writeText(value: string): number {
    const bytes = Buffer.from(value)
    // A zero byte follows the text.
    const at = this.take(4 + bytes.length + 1, 4)
    this.view.setUint32(at, bytes.length, true)
    this.bytes.set(bytes, at + 4)
    return at
  }

  #writeTables(items: readonly FlatTable[]): number {
    const at = this.take(4 + 4 * items.length, 4)
    this.view.setUint32(at, items.length, true)
    for (let i = 0; i < items.length; i++) {
      const place = at + 4 + 4 * i
      this.refer(place, this.writeTable(items[i]!))
    }
    return at
  }

  #writePairs(values: readonly number[]): number {
    const at = this.take(8 + 8 * values.length, 8) + 4
    this.view.setUint32(at, values.length / 2, true)
    for (let i = 0; i < values.length; i++) {
      this.view.setBigInt64(at + 4 + 8 * i, BigInt(values[i]!), true)
    }
    return at
  }
}

/** A table in a buffer, read field by field. Damaged buffers throw RangeError. */
export class FlatReader {
  readonly #view: DataView
  readonly #at: number

  private constructor(view: DataView, at: number) {
    this.#view = view
    this.#at = at
  }

  /** The root table of a buffer. */
  static root(bytes: Uint8Array): FlatReader {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return new FlatReader(view, view.getUint32(0, true))
  }

  /** Where field `slot` lies, 0 where it is absent. */
  #place(slot: number): number {
    const vtable = this.#at - this.#view.getInt32(this.#at, true)
    if (4 + 2 * slot >= this.#view.getUint16(vtable, true)) return 0
    const offset = this.#view.getUint16(vtable + 4 + 2 * slot, true)
    return offset === 0 ? 0 : this.#at + offset
  }

  /** What field `slot` refers to, 0 where it is absent. */
  #target(slot: number): number {
    const at = this.#place(slot)
    return at === 0 ? 0 : at + this.#view.getUint32(at, true)
  }

  i8(slot: number, absent = 0): number {
    const at = this.#place(slot)
    return at === 0 ? absent : this.#view.getInt8(at)
  }

  i16(slot: number, absent = 0): number {
    const at = this.#place(slot)
    return at === 0 ? absent : this.#view.getInt16(at, true)
  }

  i32(slot: number, absent = 0): number {
    const at = this.#place(slot)
    return at === 0 ? absent : this.#view.getInt32(at, true)
  }

  i64(slot: number, absent = 0): number {
    const at = this.#place(slot)
    return at === 0 ? absent : Number(this.#view.getBigInt64(at, true))
  }

  text(slot: number): string {
    const at = this.#target(slot)
    if (at === 0) return ''
    const length = this.#view.getUint32(at, true)
    const start = this.#view.byteOffset + at + 4
    return Buffer.from(this.#view.buffer, start, length).toString()
  }

  table(slot: number): FlatReader | undefined {
    const at = this.#target(slot)
    return at === 0 ? undefined : new FlatReader(this.#view, at)
  }

  tables(slot: number): FlatReader[] {
    const at = this.#target(slot)
    const items: FlatReader[] = []
    const count = at === 0 ? 0 : this.#view.getUint32(at, true)
    for (let i = 0; i < count; i++) {
      const place = at + 4 + 4 * i
      items.push(new FlatReader(this.#view, place + this.#view.getUint32(place, true)))
    }
    return items
  }

  /** A vector of 64-bit integers, or of structs of `width` of them. */
  integers(slot: number, width = 1): number[] {
    const at = this.#target(slot)
    const items: number[] = []
    const count = at === 0 ? 0 : this.#view.getUint32(at, true) * width
    for (let i = 0; i < count; i++) items.push(Number(this.#view.getBigInt64(at + 4 + 8 * i, true)))
    return items
  }
}
