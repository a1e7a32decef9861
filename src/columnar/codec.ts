/**
 * Values as bytes, for what has no column type: Map, Set, mixed types, very deep objects.
 *
 * The first byte says how the rest is written. msgpackr writes most values; `v8.serialize` those
 * that msgpackr would change: -0, lone surrogates, array holes and extra properties of arrays,
 * `__proto__` keys, errors, boxed primitives. Primitives that mixed columns are full of, and byte
 * arrays, are written plainly.
 */
import v8 from 'node:v8'
import { Packr, RESERVE_START_SPACE } from 'msgpackr'
import { isPackable, refusal } from './plain.ts'
import { hasLoneSurrogate, readWtf8, type TextBuffer, textBytesMax, writeText } from './text.ts'

const PACKED = 1
const SERIALIZED = 2
const TEXT = 3
const NUMBER = 4
const BYTES = 5
const BUFFER = 6

const packr = new Packr({
  structuredClone: true,
  moreTypes: true,
  useBigIntExtension: true,
  copyBuffers: true,
})

const float = new Float64Array(1)
const floatBytes = new Uint8Array(float.buffer)

/**
 * The bytes of a value: plain data of every type that structured clone knows. Throws PeltonError
 * `VALUE` for functions, symbols and class instances. Shared and cyclic references inside the
 * value are kept.
 *
 * @example
 * decodeValue(encodeValue(new Map([['a', -0]]))) // Map { 'a' => -0 }
 */
export function encodeValue(value: unknown): Uint8Array {
  if (typeof value === 'string') return encodeText(value)
  if (typeof value === 'number') {
    float[0] = value
    const out = Buffer.allocUnsafe(9)
    out[0] = NUMBER
    out.set(floatBytes, 1)
    return out
  }
  try {
    const isBytes = value instanceof Uint8Array && isPackable(value)
    if (isBytes) return tagged(Buffer.isBuffer(value) ? BUFFER : BYTES, value)
    if (!isPackable(value)) return serialize(value)
    const out = (packr as unknown as PackrWithOptions).pack(value, RESERVE_START_SPACE + 1)
    out[0] = PACKED
    return out
  } catch (cause) {
    throw refusal(value, cause)
  }
}

/** msgpackr's own types leave out that the second argument may be a set of flags. */
interface PackrWithOptions {
  pack(value: unknown, flags: number): Buffer
}

/**
 * The value that `encodeValue` wrote. The result shares no memory with `bytes`, which may lie in
 * the arena.
 */
export function decodeValue(bytes: Uint8Array): unknown {
  switch (bytes[0]) {
    case TEXT:
      return decodeText(bytes)
    case NUMBER:
      floatBytes.set(bytes.subarray(1, 9))
      return float[0]
    case BYTES:
      return new Uint8Array(bytes.subarray(1))
    case BUFFER:
      return ownCopy(bytes)
    case PACKED:
      return packr.unpack(ownCopy(bytes))
    case SERIALIZED:
      return deserialize(ownCopy(bytes))
  }
  throw new Error(`no codec writes the tag ${bytes[0]}: the bytes are damaged`)
}

/** The bytes of a value that is a Uint8Array or Buffer, from its encoding; else undefined. */
export function encodedBytes(encoded: Uint8Array): Uint8Array | undefined {
  return encoded[0] === BYTES || encoded[0] === BUFFER ? encoded.subarray(1) : undefined
}

function tagged(tag: number, bytes: Uint8Array): Uint8Array {
  const out = Buffer.allocUnsafe(bytes.length + 1)
  out[0] = tag
  out.set(bytes, 1)
  return out
}

/** The bytes after the tag in a buffer of their own, not shared and not pooled. */
function ownCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length - 1)
  copy.set(bytes.subarray(1))
  return copy
}

function encodeText(text: string): Uint8Array {
  const out = Buffer.allocUnsafe(1 + textBytesMax(text)) as TextBuffer
  out[0] = TEXT
  return out.subarray(0, 1 + writeText(out, 1, text))
}

function decodeText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as TextBuffer
  return hasLoneSurrogate(text, 1, text.length)
    ? readWtf8(text, 1, text.length)
    : text.utf8Slice(1, text.length)
}

/** Views are written without the rest of their buffer. */
function serialize(value: unknown): Uint8Array {
  const serializer = new v8.DefaultSerializer()
  serializer.writeHeader()
  serializer.writeValue(value)
  return tagged(SERIALIZED, serializer.releaseBuffer())
}

function deserialize(bytes: Buffer): unknown {
  const deserializer = new OwningDeserializer(bytes)
  deserializer.readHeader()
  return deserializer.readValue()
}

/** Gives every typed array a buffer of its own; Node's lets them share the whole message. */
class OwningDeserializer extends v8.DefaultDeserializer {
  /** Called by V8 for views. */
  _readHostObject(): ArrayBufferView {
    const read = (v8.DefaultDeserializer.prototype as unknown as HostObjectReader)._readHostObject
    const view = read.call(this)
    if (Buffer.isBuffer(view)) {
      const copy = Buffer.allocUnsafeSlow(view.length)
      copy.set(view)
      return copy
    }
    if (view instanceof DataView) {
      const start = view.byteOffset
      return new DataView(view.buffer.slice(start, start + view.byteLength))
    }
    return (view as Uint8Array).slice()
  }
}

interface HostObjectReader {
  _readHostObject(): ArrayBufferView
}
