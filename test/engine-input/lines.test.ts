/** Lines of decoded text, of bytes, and of bytes that come in pieces. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkMaxLineBytes, LineFeed, linesInBytes, linesOf } from '../../src/engine/lines.ts'

const unit = fc.constantFrom('a', 'é', '語', '😀', ' ', '\r', '\n', '\r\n', '\u2028')

function split(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map(line => line.replace(/\r$/, ''))
}

describe('linesOf', () => {
  const cases: [string, string[]][] = [
    ['', []],
    ['\n', ['']],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\r\nb', ['a', 'b']],
    ['\r\n\r\n', ['', '']],
    ['a\rb\n\rc\n', ['a\rb', '\rc']],
    ['a\r\r\n', ['a\r']],
    ['a\r', ['a']],
    ['a\u2028b\u0085c\vd\fe', ['a\u2028b\u0085c\vd\fe']],
  ]
  test.each(cases)('%j', (text, lines) => {
    expect(linesOf(text)).toEqual(lines)
  })
})

test('linesInBytes finds the same lines, in bounded numbers', () => {
  const text = `${'x'.repeat(700_000)}\n${'line\r\n'.repeat(200_000)}${'y'.repeat(300_000)}`
  const bytes = Buffer.from(`?${text}\n?`)
  const runs = [...linesInBytes(bytes, 1, bytes.length - 2)]
  expect(runs.flat()).toEqual(split(text))
  expect(Math.max(...runs.map(run => run.length))).toBeLessThan(50_000)
})

const rowBytesMax = 1024 * 1024

/** The lines of bytes cut at the given places, and how many were too long. */
function feed(bytes: Buffer, cuts: readonly number[], maxLineBytes?: number) {
  let reports = 0
  const lines = new LineFeed({ maxLineBytes, rowBytesMax, from: 'here', report: () => reports++ })
  const places = [0, ...cuts, bytes.length]
  const runs = places.slice(1).flatMap((end, i) => lines.push(bytes.subarray(places[i], end)))
  runs.push(...lines.end())
  expect(runs.every(run => run.at(-1) === 10)).toBe(true)
  return { lines: linesOf(Buffer.concat(runs).toString()), reports, again: lines.end() }
}

describe('LineFeed', () => {
  test('every pair of cuts', () => {
    const bytes = Buffer.from('é\r\n\n😀日\rb\r\n\r\nend')
    const expected = split(bytes.toString())
    for (let i = 0; i <= bytes.length; i++) {
      for (let j = i; j <= bytes.length; j++) expect(feed(bytes, [i, j]).lines).toEqual(expected)
    }
  })

  test('any text, cuts and limit', () => {
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 60 }),
        fc.array(fc.nat({ max: 200 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 20 }),
        (text, places, most) => {
          const bytes = Buffer.from(text)
          const cuts = places.map(place => place % (bytes.length + 1)).sort((a, b) => a - b)
          const all = text.split('\n')
          if (all.at(-1) === '') all.pop()
          const fitting = all.filter(line => Buffer.byteLength(line) <= most)
          const { lines, reports, again } = feed(bytes, cuts, most)
          expect(lines).toEqual(fitting.map(line => line.replace(/\r$/, '')))
          expect(reports > 0).toBe(fitting.length < all.length)
          expect(again).toEqual([])
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('many lines that are too long are reported less and less often', () => {
    const reports: string[] = []
    const report = (message: string): void => void reports.push(message)
    const lines = new LineFeed({ maxLineBytes: 2, rowBytesMax, from: 'host:1', report })
    for (let i = 0; i < 2000; i++) lines.push(Buffer.from('long\n'))
    expect(reports).toHaveLength(12)
    expect(reports.at(-1)).toBe(
      'a line from host:1 is longer than maxLineBytes, 2 bytes, and was left out (1000 so far); ' +
        'raise maxLineBytes if such lines are meant',
    )
  })

  test('the arena may allow less than maxLineBytes', () => {
    const reports: string[] = []
    const report = (message: string): void => void reports.push(message)
    const lines = new LineFeed({ rowBytesMax: 5, from: 'host:1', report })
    expect(lines.push(Buffer.from('1234\n12345\n')).map(String)).toEqual(['1234\n'])
    expect(reports).toEqual([
      expect.stringMatching(/longer than what the memory option allows, 4 bytes.*raise memory if/),
    ])
  })

  test('does not hold what it will not give', () => {
    let reports = 0
    const lines = new LineFeed({
      maxLineBytes: 10,
      rowBytesMax,
      from: 'here',
      report: () => reports++,
    })
    for (let i = 0; i < 10_000; i++) expect(lines.push(Buffer.alloc(1000, 'x'))).toEqual([])
    expect(lines.push(Buffer.from('\nok\n')).map(String)).toEqual(['ok\n'])
    expect(reports).toBe(1)
  })

  test('reset forgets the line that has begun', () => {
    const lines = new LineFeed({ rowBytesMax, from: 'here', report: () => undefined })
    lines.push(Buffer.from('hal'))
    lines.reset()
    expect(lines.push(Buffer.from('a\n')).map(String)).toEqual(['a\n'])
  })

  test('keeps bytes that the caller writes over', () => {
    const lines = new LineFeed({ rowBytesMax, from: 'here', report: () => undefined })
    const bytes = Buffer.from('abc')
    lines.push(bytes)
    bytes.fill('x')
    expect(lines.push(Buffer.from('\n')).map(String)).toEqual(['abc\n'])
  })
})

test.each([0, -1, 1.5, Number.NaN, '8', null])('maxLineBytes %j is refused', value => {
  expect(() => checkMaxLineBytes('op', value)).toThrow(/op: maxLineBytes is .*; give a positive/)
  checkMaxLineBytes('op', 1)
  checkMaxLineBytes('op', undefined)
})
