import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asciiStrings, strings } from './arbitraries.ts'
import { KernelMemory, MEMORY_END, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory
const isAscii = (text: string): number => Number([...text].every(c => c < '\x80'))

describe.each(places)('ASCII at $place', ({ base }) => {
  test('text', () => {
    const texts = fc
      .tuple(fc.nat(600), fc.option(fc.nat(600)), fc.constantFrom('ä', '\x7f'))
      .map(([n, at, c]) => 'x'.repeat(n).replace(/./g, (x, i) => (i === at ? c : x)))
    fc.assert(
      fc.property(texts, text => {
        memory.rewind(base)
        const bytes = Buffer.from(text)
        expect(kernels.isAsciiText(memory.putBytes(bytes), bytes.length)).toBe(isAscii(text))
        const end = MEMORY_END - bytes.length
        memory.u8.set(bytes, end)
        expect(kernels.isAsciiText(end, bytes.length)).toBe(isAscii(text))
      }),
    )
  })

  test('views', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(asciiStrings, strings), { maxLength: 4 }), texts => {
        memory.rewind(base)
        const views = memory.putViews(texts)
        expect(kernels.isAsciiViews(views, texts.length)).toBe(isAscii(texts.join('')))
      }),
    )
  })

  test('surrogates, which text without halves of pairs never has', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(asciiStrings, strings, fc.string({ unit: 'binary' }))),
        texts => {
          memory.rewind(base)
          const views = memory.putViews(texts)
          const expected = Number(texts.some(text => !text.isWellFormed()))
          expect(kernels.hasSurrogates(views, texts.length)).toBe(expected)
        },
      ),
    )
    memory.rewind(base)
    expect(kernels.hasSurrogates(memory.putViews(['a', 'x\ud800']), 2)).toBe(1)
    expect(kernels.hasSurrogates(memory.putViews(['\ud7ff\ue000', '\u{1f600}']), 2)).toBe(0)
  })
})
