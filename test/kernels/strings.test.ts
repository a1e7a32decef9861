/** Predicates and functions of strings against JavaScript's own. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { textBytes } from '../../src/columnar/text.ts'
import { asciiStrings, strings } from './arbitraries.ts'
import { KernelMemory, places } from './kernel-memory.ts'

const memory = new KernelMemory()
const { kernels } = memory

/** Western European text, some of it longer than a view. */
const latin = fc
  .array(fc.constantFrom('a', 'Z', 'é', 'É', 'ß', 'ÿ', 'µ', '×', '÷', 'ñ', 'Þ', '一', 'word '), {
    maxLength: 12,
  })
  .map(parts => parts.join(''))

/** A column and a text that is often found in it; well-formed, as bytes of halves may match. */
const columnAndText = fc
  .tuple(fc.array(strings), strings, fc.nat(), fc.nat(5), fc.nat(30))
  .map(([texts, other, row, from, length]) => {
    const source = texts.length > 0 ? texts[row % texts.length]! : other
    const text = row % 3 === 0 ? other : source.slice(from, from + length)
    return { texts: texts.map(each => each.toWellFormed()), text: text.toWellFormed() }
  })

const predicates: Record<
  'startsWith' | 'endsWith' | 'includes',
  (text: string, part: string) => boolean
> = {
  startsWith: (text, part) => text.startsWith(part),
  endsWith: (text, part) => text.endsWith(part),
  includes: (text, part) => text.includes(part),
}

describe.each(places)('strings at $place', ({ base }) => {
  test.each(Object.entries(predicates))('%s', (name, predicate) => {
    fc.assert(
      fc.property(columnAndText, ({ texts, text }) => {
        memory.rewind(base)
        const n = texts.length
        const bytes = textBytes(text)
        const out = memory.alloc(n)
        const kernel = kernels[name as keyof typeof predicates]
        kernel(memory.putViews(texts), memory.putBytes(bytes), bytes.length, n, out)
        expect(memory.readU8(out, n)).toEqual(texts.map(each => Number(predicate(each, text))))
        expect(memory.u8[out + n]).toBe(0xdb)
      }),
      { numRuns: 300 },
    )
  })

  test('includes, at every place', () => {
    memory.rewind(base)
    for (const text of ['a', 'ab', 'abc', 'abcd', 'a text of more than sixteen bytes']) {
      const at = memory.putBytes(Buffer.from(text))
      const before = Array.from({ length: 60 }, (_, n) => 'a'.repeat(n))
      // The same first and last byte, and another between them.
      const other = text[0] + '-'.repeat(Math.max(0, text.length - 2)) + text.at(-1)
      const texts = before.flatMap(start => [start + text, `${start}${text}c`, start + other])
      const out = memory.alloc(texts.length)
      const views = memory.putViews(texts)
      kernels.includes(views, at, text.length, texts.length, out)
      const expected = texts.map(each => Number(each.includes(text)))
      expect(memory.readU8(out, texts.length)).toEqual(expected)
    }
  })

  test('===', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(strings, strings)), strings, (rows, other) => {
        memory.rewind(base)
        const n = rows.length
        const pairs = rows.map(([a, b], i) => (i % 2 ? [a, b] : [a, a])) as [string, string][]
        const text = rows[0]?.[0] ?? other
        const a = memory.putViews(pairs.map(pair => pair[0]))
        const out = memory.alloc(n)
        kernels.eqViews(a, memory.putViews(pairs.map(pair => pair[1])), n, out)
        expect(memory.readU8(out, n)).toEqual(pairs.map(pair => Number(pair[0] === pair[1])))
        kernels.eqViewsBy(a, memory.putViews([text]), n, out)
        expect(memory.readU8(out, n)).toEqual(pairs.map(pair => Number(pair[0] === text)))
      }),
    )
  })

  test('indexOf', () => {
    fc.assert(
      fc.property(columnAndText, ({ texts, text }) => {
        memory.rewind(base)
        const n = texts.length
        const bytes = textBytes(text)
        const [views, at, out] = [
          memory.putViews(texts),
          memory.putBytes(bytes),
          memory.alloc(8 * n),
        ]
        const ascii = kernels.isAsciiViews(views, n)
        kernels.indexOfText(views, at, bytes.length, ascii, n, out)
        expect(memory.readF64(out, n)).toEqual(texts.map(each => each.indexOf(text)))
        expect(memory.u8[out + 8 * n]).toBe(0xdb)
      }),
      { numRuns: 300 },
    )
  })

  test('< and <=', () => {
    const nearly = fc.constantFrom('\ud800', '\udfff', '😀', '\ue000', '\uffff', 'ä', '\u{10ffff}')
    const text = fc.oneof(
      strings,
      fc.array(nearly, { maxLength: 3 }).map(parts => parts.join('')),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), rows => {
        memory.rewind(base)
        const n = rows.length
        const pairs = rows.map(([a, b], i) => (i % 4 ? [a, b] : [a + b, a])) as [string, string][]
        const a = memory.putViews(pairs.map(pair => pair[0]))
        const b = memory.putViews(pairs.map(pair => pair[1]))
        const out = memory.alloc(n)
        kernels.ltViews(a, b, n, out)
        expect(memory.readU8(out, n)).toEqual(pairs.map(pair => Number(pair[0] < pair[1])))
        kernels.leViews(a, b, n, out)
        expect(memory.readU8(out, n)).toEqual(pairs.map(pair => Number(pair[0] <= pair[1])))
        expect(memory.u8[out + n]).toBe(0xdb)
      }),
      { numRuns: 300 },
    )
  })

  test('slice of any text', () => {
    const bounds = fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 }))
    fc.assert(
      fc.property(fc.array(fc.oneof(strings, latin)), bounds, (texts, [from, to]) => {
        memory.rewind(base)
        const n = texts.length
        const [views, out, unsure] = [memory.putViews(texts), memory.alloc(16 * n), memory.alloc(n)]
        const left = kernels.sliceTexts(views, n, from, to, out, unsure)
        const isWide = (text: string): boolean => /[\u{10000}-\u{10ffff}]/u.test(text)
        expect(memory.readU8(unsure, n)).toEqual(texts.map(text => Number(isWide(text))))
        expect(left).toBe(texts.filter(isWide).length)
        texts.forEach((text, i) => {
          if (isWide(text)) return
          expect(memory.readViews(out + 16 * i, 1)).toEqual([text.slice(from, to)])
        })
        expect(memory.u8[unsure + n]).toBe(0xdb)
      }),
      { numRuns: 300 },
    )
  })

  test.each(['toLowerCase', 'toUpperCase'] as const)('%s of Latin-1 letters', name => {
    fc.assert(
      fc.property(fc.array(fc.oneof(strings, latin)), texts => {
        memory.rewind(base)
        const n = texts.length
        const [views, out, unsure] = [memory.putViews(texts), memory.alloc(16 * n), memory.alloc(n)]
        const fold = name === 'toLowerCase' ? kernels.lowerViews : kernels.upperViews
        fold(views, n, out, memory.alloc(kernels.longBytes(views, n)))
        const left = kernels.foldLatin(out, n, name === 'toUpperCase' ? 1 : 0, unsure)
        const marks = memory.readU8(unsure, n)
        expect(left).toBe(marks.filter(mark => mark === 1).length)
        texts.forEach((text, i) => {
          if (marks[i] === 0) expect(memory.readViews(out + 16 * i, 1)).toEqual([text[name]()])
          // These are known, whatever they stand beside.
          if (/^[\0-\x7fà-þÀ-Þ一-龥]*$/.test(text)) expect(marks[i]).toBe(0)
        })
        expect(memory.u8[unsure + n]).toBe(0xdb)
      }),
      { numRuns: 300 },
    )
  })

  test('every character up to U+FFFF has its other case, or is for JavaScript', () => {
    memory.rewind(base)
    const texts = Array.from({ length: 0xd800 }, (_, code) => `${String.fromCharCode(code)}a`)
    for (const name of ['toLowerCase', 'toUpperCase'] as const) {
      const n = texts.length
      const [views, out, unsure] = [memory.putViews(texts), memory.alloc(16 * n), memory.alloc(n)]
      const fold = name === 'toLowerCase' ? kernels.lowerViews : kernels.upperViews
      fold(views, n, out, memory.alloc(16))
      kernels.foldLatin(out, n, name === 'toUpperCase' ? 1 : 0, unsure)
      const marks = memory.readU8(unsure, n)
      const found = memory.readViews(out, n)
      const wrong = texts.filter((text, i) => marks[i] === 0 && found[i] !== text[name]())
      expect(wrong).toEqual([])
    }
  })

  test('which rows are ASCII', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(asciiStrings, strings)), texts => {
        memory.rewind(base)
        const out = memory.alloc(texts.length)
        kernels.asciiMask(memory.putViews(texts), texts.length, out)
        const expected = texts.map(text => Number(!/[^\0-\x7f]/.test(text)))
        expect(memory.readU8(out, texts.length)).toEqual(expected)
      }),
    )
  })

  test.each(['lower', 'upper'] as const)('%s case', which => {
    const inJs = (text: string): string => {
      if (/[^\0-\x7f]/.test(text)) {
        return text.replace(/[a-z]+/gi, letters => inJs(letters))
      }
      return which === 'lower' ? text.toLowerCase() : text.toUpperCase()
    }
    fc.assert(
      fc.property(fc.array(fc.oneof(asciiStrings, strings)), texts => {
        memory.rewind(base)
        const n = texts.length
        const views = memory.putViews(texts)
        const bytes = kernels.longBytes(views, n)
        const heap = memory.alloc(bytes)
        expect(kernels[`${which}Views`](views, n, views, heap)).toBe(bytes)
        expect(memory.u8[heap + bytes]).toBe(0xdb)
        expect(memory.readViews(views, n)).toEqual(texts.map(inJs))
      }),
    )
  })

  test.each([
    { sides: 3, inJs: (text: string) => text.trim() },
    { sides: 1, inJs: (text: string) => text.trimStart() },
    { sides: 2, inJs: (text: string) => text.trimEnd() },
  ])('trim, sides $sides', ({ sides, inJs }) => {
    const spaced = fc.string({
      unit: fc.constantFrom(
        ' ',
        '\t',
        '\n',
        '\v',
        '\x0e',
        '\x1c',
        '\u00a0',
        '\ufeff',
        'a',
        'bcdef',
        'ä',
      ),
      maxLength: 12,
    })
    fc.assert(
      fc.property(fc.array(fc.oneof(spaced, asciiStrings)), texts => {
        memory.rewind(base)
        const n = texts.length
        const views = memory.putViews(texts)
        const mask = memory.alloc(n)
        const left = kernels.trimViews(views, n, sides, views, mask)
        const unsure = memory.readU8(mask, n)
        expect(left).toBe(unsure.filter(bit => bit === 1).length)
        memory.readViews(views, n).forEach((found, i) => {
          if (unsure[i] === 0) expect(found).toBe(inJs(texts[i]!))
          else expect(texts[i]).toMatch(/[^\0-\x7f]/)
        })
      }),
    )
  })

  test('slice', () => {
    const place = fc.oneof(
      fc.integer({ min: -20, max: 20 }),
      fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, 0),
    )
    fc.assert(
      fc.property(fc.array(asciiStrings), place, place, (texts, from, to) => {
        memory.rewind(base)
        const views = memory.putViews(texts)
        kernels.sliceViews(views, texts.length, from, to, views)
        const expected = texts.map(text => text.slice(from, to))
        expect(memory.readViews(views, texts.length)).toEqual(expected)
      }),
    )
  })

  test('a + b', () => {
    const wellFormed = strings.map(text => text.toWellFormed())
    fc.assert(
      fc.property(fc.array(fc.tuple(wellFormed, wellFormed)), fc.boolean(), (rows, overA) => {
        memory.rewind(base)
        const n = rows.length
        const a = memory.putViews(rows.map(row => row[0]))
        const b = memory.putViews(rows.map(row => row[1]))
        const sum = rows
          .map(([x, y]) => Buffer.byteLength(x + y))
          .reduce((all, bytes) => all + (bytes > 12 ? bytes : 0), 0)
        const heap = memory.alloc(sum)
        const out = overA ? a : b
        expect(kernels.concatViews(a, b, n, out, heap)).toBe(sum)
        expect(memory.u8[heap + sum]).toBe(0xdb)
        expect(memory.readViews(out, n)).toEqual(rows.map(([x, y]) => x + y))
      }),
    )
  })

  test('length in UTF-16 units', () => {
    fc.assert(
      fc.property(fc.array(strings), texts => {
        memory.rewind(base)
        const out = memory.alloc(texts.length * 8)
        kernels.textLengths(memory.putViews(texts), texts.length, out)
        expect(memory.readF64(out, texts.length)).toEqual(texts.map(text => text.length))
      }),
    )
  })

  test('charCodeAt', () => {
    fc.assert(
      fc.property(fc.array(asciiStrings), fc.integer({ min: -2, max: 40 }), (texts, index) => {
        memory.rewind(base)
        const out = memory.alloc(texts.length * 8)
        kernels.charCodes(memory.putViews(texts), index, texts.length, out)
        const expected = texts.map(text => text.charCodeAt(index))
        expect(memory.readF64(out, texts.length)).toEqual(expected)
      }),
    )
  })
})
