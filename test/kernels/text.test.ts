/**
 * Text cut into views, against `split`. What this can't catch: a load beyond the end of the text,
 * which is allowed; beyond the end of memory it traps, and the texts that end there show it.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linesOf } from '../../src/engine/lines.ts'
import { KernelMemory, MEMORY_END, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

/** Text in which newlines, separators and long words meet in all ways. */
const texts = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('a', 'bc', 'word', 'exactly12byt', 'äöü', '😀') },
      { weight: 4, arbitrary: fc.constantFrom(' ', ' ', ' ', '\n', '\r\n', '\r', '\n\n', '  ') },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 90 }) },
      { weight: 1, arbitrary: fc.constantFrom('x'.repeat(13), 'y'.repeat(64), 'z'.repeat(200)) },
      { weight: 1, arbitrary: fc.constantFrom(' '.repeat(70), '\n'.repeat(64), ',a'.repeat(40)) },
    ),
    { maxLength: 60 },
  )
  // The bytes are UTF-8 here; lone surrogates have no place in text that is read.
  .map(parts => parts.join('').toWellFormed())

const expected = {
  parts: (text: string, separator: string) => linesOf(text).flatMap(line => line.split(separator)),
  lines: linesOf,
}

/** Runs a kernel until it is done, `cap` views at a time. */
function collect(
  start: number,
  end: number,
  cap: number,
  kernel: (out: number, state: number) => number,
): string[] {
  const out = memory.alloc(cap * 16)
  const state = memory.putU32([start, 0])
  const found: string[] = []
  const [at, open] = [state / 4, state / 4 + 1]
  while (memory.u32[at] !== end >>> 0 || memory.u32[open] !== 0) {
    const count = kernel(out, state)
    // A kernel that does not stop must not fill the machine's memory.
    if (found.length > end - start + 1) throw new Error('more parts than bytes')
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThanOrEqual(cap)
    expect(memory.u32[(out + cap * 16) / 4]).toBe(0xdbdbdbdb)
    found.push(...memory.readViews(out, count))
  }
  return found
}

describe.each(places)('text at $place', ({ base }) => {
  test.each([1, 7, 62, 64, 200])('parts, %i views at a time', cap => {
    fc.assert(
      fc.property(texts, fc.constantFrom(' ', ',', 'a'), (text, separator) => {
        memory.rewind(base)
        const bytes = Buffer.from(text)
        const start = memory.putBytes(bytes)
        const end = start + bytes.length
        const code = separator.charCodeAt(0)
        // What follows the text may look like more of it.
        memory.u8.fill(code, end, end + 16)
        const found = collect(start, end, cap, (out, state) =>
          kernels.splitText(end, code, out, cap, state),
        )
        expect(found).toEqual(expected.parts(text, separator))
      }),
    )
  })

  test.each([1, 100])('lines, %i views at a time', cap => {
    fc.assert(
      fc.property(texts, text => {
        memory.rewind(base)
        const bytes = Buffer.from(text)
        const start = memory.putBytes(bytes)
        const end = start + bytes.length
        const found = collect(start, end, cap, (out, state) =>
          kernels.splitLines(end, out, cap, state),
        )
        expect(found).toEqual(expected.lines(text))
      }),
    )
  })
})

test('bytes are counted', () => {
  const bytes = fc.array(fc.constantFrom(10, 13, 97, 255), { maxLength: 300 })
  fc.assert(
    fc.property(bytes, fc.constantFrom(10, 255, 0), (list, byte) => {
      memory.rewind(65_536)
      const start = memory.putBytes(Uint8Array.from(list))
      memory.u8.fill(byte, start + list.length, start + list.length + 16)
      expect(kernels.countBytes(start, list.length, byte)).toBe(list.filter(b => b === byte).length)
    }),
  )
})

test('a carriage return at every place before a newline', () => {
  for (let n = 0; n < 200; n++) {
    memory.rewind(65_536)
    const text = `${'x'.repeat(n)}\r\n${'y'.repeat(n % 7)} ${'z '.repeat(80)}`
    const start = memory.putBytes(Buffer.from(text))
    const end = start + text.length
    const found = collect(start, end, 200, (out, state) =>
      kernels.splitText(end, 32, out, 200, state),
    )
    expect(found).toEqual(expected.parts(text, ' '))
  }
})

test('text that ends where the memory ends', () => {
  fc.assert(
    fc.property(texts, text => {
      memory.rewind(65_536)
      const bytes = Buffer.from(text)
      const start = MEMORY_END - bytes.length
      memory.u8.set(bytes, start)
      const found = collect(start % MEMORY_END, MEMORY_END, 1000, (out, state) =>
        kernels.splitText(MEMORY_END, 32, out, 1000, state),
      )
      expect(found).toEqual(expected.parts(text, ' '))
    }),
  )
})

test('the newline of a final line and the separator before it', () => {
  memory.rewind(65_536)
  const cases = {
    '': [],
    '\n': [''],
    'a\n': ['a'],
    'a ': ['a', ''],
    'a \n': ['a', ''],
    ' ': ['', ''],
  }
  for (const [text, parts] of Object.entries(cases)) {
    const start = memory.putBytes(Buffer.from(text))
    const end = start + text.length
    expect(
      collect(start, end, 10, (out, state) => kernels.splitText(end, 32, out, 10, state)),
    ).toEqual(parts)
  }
})
