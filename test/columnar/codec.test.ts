// Can't catch: values that structured clone itself changes (functions, classes), which are refused.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeValue, encodeValue } from '../../src/columnar/codec.ts'
import { PeltonError } from '../../src/errors.ts'
import { difference } from './same.ts'
import { anything } from './values.ts'

function roundTrip(value: unknown): unknown {
  const bytes = encodeValue(value)
  // Bytes come from shared memory, at any offset.
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 3), 3)
  shared.set(bytes)
  const decoded = decodeValue(shared)
  shared.fill(0xdb)
  return decoded
}

test('every plain value comes back the same', () => {
  fc.assert(
    fc.property(anything, value => {
      expect(difference(roundTrip(value), value)).toBe(null)
    }),
    { numRuns: 3000 },
  )
})

test('shared and cyclic references are kept', () => {
  const node: any = { name: 'a', items: [-0] }
  node.self = node
  node.again = node.items
  const back: any = roundTrip(node)
  expect(back.self).toBe(back)
  expect(back.again).toBe(back.items)
  expect(difference(back, node)).toBe(null)
})

test('typed arrays own their memory, also beside values that v8 writes', () => {
  for (const extra of [0, -0]) {
    const whole = new Float64Array([1, 2, 3])
    const row = { extra, part: whole.subarray(1, 2), buffer: Buffer.from('abc') }
    const back: any = roundTrip(row)
    expect(back.part.buffer.byteLength).toBe(8)
    expect(back.buffer.buffer.byteLength).toBe(3)
    expect(Buffer.isBuffer(back.buffer)).toBe(true)
    expect(difference(back, row)).toBe(null)
  }
})

test('arrays keep extra properties, floats of 16 bits and resizable buffers their kind', () => {
  const match = /(?<first>.)b/.exec('ab')
  expect(difference(roundTrip(match), match)).toBe(null)
  const half = new Float16Array([1.5])
  expect(difference(roundTrip([half]), [half])).toBe(null)
  const back = roundTrip(new ArrayBuffer(2, { maxByteLength: 8 })) as ArrayBuffer
  expect(back.maxByteLength).toBe(8)
})

test('keys that mean something to msgpackr are only keys', () => {
  for (const key of ['toJSON', 'constructor', '__proto__', 'then', 'length', 'size']) {
    const bare = Object.create(null)
    const row = JSON.parse(`{"a": {"${key}": 1}}`)
    Object.defineProperty(bare, key, { value: 'text', enumerable: true })
    for (const value of [row, new Map([[1, row]])]) {
      expect(difference(roundTrip(value), value)).toBe(null)
    }
    const back = roundTrip(bare) as object
    expect(Object.entries(back)).toEqual([[key, 'text']])
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
  }
})

class Point {
  x = 1
}
class Special extends Map {}
class OwnError extends Error {}

test.each([
  [new Point(), /instance of class Point \(\{"x":1\}\).*plain data/],
  [{ list: [1, new Point()] }, /class Point at \.list\[1\]/],
  [new Map([['k', new Point()]]), /class Point at \.get\("k"\)/],
  [[new Set([new Point()])], /class Point at \[0\]\.values\(\)/],
  [new Special(), /class Special/],
  [new OwnError('x'), /class OwnError/],
  [new (class extends Array {})(), /anonymous class/],
  [() => 1, /function.*plain data/],
  [{ 'odd key': Symbol('s') }, /symbol at \["odd key"\] \("Symbol\(s\)"\)/],
  [new WeakMap(), /class WeakMap/],
  [Promise.resolve(), /class Promise/],
  [new SharedArrayBuffer(1), /class SharedArrayBuffer/],
])('refuses %o', (value, message) => {
  expect(() => encodeValue(value)).toThrow(message)
  try {
    encodeValue(value)
  } catch (error) {
    expect(error).toBeInstanceOf(PeltonError)
    expect((error as PeltonError).code).toBe('VALUE')
  }
})
