/** The rest of the kernels, family by family: those of one shape are called alike. */
import { type Case, type Columns, ROWS, VECTOR_SLOTS } from './kernel-columns.ts'

type Call = (...args: number[]) => unknown

/** Two columns to one. */
const binary = `subF64 mulF64 maxF64 ltF64 leF64 eqF64 andInt32 orInt32 xorInt32 shlInt32 shrInt32`
/** A column and a constant to one. */
const byConstant = `addF64By subF64By divF64By minF64By maxF64By leF64By gtF64By geF64By eqF64By
  orInt32By xorInt32By shlInt32By shrInt32By shrUint32By`
/** A constant and a column to one. */
const fromConstant = `subF64From divF64From remF64From`
const unary = `negF64 absF64 sqrtF64 floorF64 ceilF64 truncF64 signF64`

const names = (list: string): string[] => list.split(/\s+/)

/** One case a kernel. */
export function familyCases(columns: Columns): Case[] {
  return [...numberFamilies(columns), ...foldFamilies(columns), ...keyFamilies(columns)].map(
    ([name, run]) => ({ name, rows: ROWS, run }),
  )
}

function numberFamilies(columns: Columns): [string, () => void][] {
  const { kernels, numbers, divisors, fractions, mask, otherMask, words, upper, out } = columns
  const call = (name: string): Call => kernels[name as 'negF64'] as unknown as Call
  return [
    ...names(binary).map((name): [string, () => void] => {
      const run = call(name)
      return [name, () => run(numbers, divisors, ROWS, out)]
    }),
    ...names(byConstant).map((name): [string, () => void] => {
      const run = call(name)
      return [name, () => run(numbers, 3, ROWS, out)]
    }),
    ...names(fromConstant).map((name): [string, () => void] => {
      const run = call(name)
      return [name, () => run(1e9, divisors, ROWS, out)]
    }),
    ...names(unary).map((name): [string, () => void] => {
      const run = call(name)
      return [name, () => run(fractions, ROWS, out)]
    }),
    ['orMasks', () => kernels.orMasks(mask, otherMask, ROWS, out)],
    ['notMask', () => kernels.notMask(mask, ROWS, out)],
    ['pickF64', () => kernels.pickF64(mask, numbers, divisors, ROWS, out)],
    ['pickViews', () => kernels.pickViews(mask, words, upper, ROWS, out)],
    ['eqViews', () => kernels.eqViews(words, upper, ROWS, out)],
    ['endsWith', () => kernels.endsWith(words, words + 4, 1, ROWS, out)],
    ['asciiMask', () => kernels.asciiMask(words, ROWS, out)],
    ['fillF64', () => kernels.fillF64(out, ROWS, 1)],
    ['sumF64', () => kernels.sumF64(numbers, ROWS, 0)],
    ['leastF64', () => kernels.leastF64(numbers, ROWS, 0)],
    ['greatestF64', () => kernels.greatestF64(numbers, ROWS, 0)],
  ]
}

function foldFamilies(columns: Columns): [string, () => void][] {
  const { kernels, numbers, order, mask, gids, accumulators, words, out, heap } = columns
  const lines = columns.alloc(16 * ROWS)
  columns.rewindText()
  kernels.splitLines(columns.textEnd, lines, ROWS, columns.state)
  return [
    ['maxByGid', () => kernels.maxByGid(gids, numbers, ROWS, accumulators)],
    ['firstByGid', () => kernels.firstByGid(gids, numbers, ROWS, accumulators, 0)],
    ['lowerViews', () => kernels.lowerViews(words, ROWS, out, heap)],
    ['gatherBytes', () => kernels.gatherBytes(mask, order, ROWS, out)],
    [
      'copyLongIn of 75 bytes',
      () => {
        // The views are copied anew, or they would lie outside after the first call.
        kernels.copyBytes(out, lines, 16 * ROWS)
        kernels.copyLongIn(out, ROWS, columns.text, columns.textEnd, out + 16 * ROWS)
      },
    ],
  ]
}

function keyFamilies(columns: Columns): [string, () => void][] {
  const { kernels, numbers, words, upper, mask, hashes, slots, keys, otherKeys, gids } = columns
  const slotMask = VECTOR_SLOTS - 1
  const fresh = (run: () => void) => (): void => {
    columns.clearGroups(VECTOR_SLOTS)
    run()
  }
  return [
    ['hashDates', () => kernels.hashDates(numbers, ROWS, hashes)],
    ['hashI64', () => kernels.hashI64(numbers, ROWS, hashes)],
    ['hashBits', () => kernels.hashBits(mask, ROWS, 1, 2, hashes)],
    ['startTupleHashes', () => kernels.startTupleHashes(hashes, ROWS, 2)],
    ['finishHashes', () => kernels.finishHashes(hashes, ROWS)],
    [
      'groupViewsViews, new keys',
      fresh(() =>
        kernels.groupViewsViews(words, upper, ROWS, slots, slotMask, keys, otherKeys, 0, gids),
      ),
    ],
    [
      'groupF64Views, new keys',
      fresh(() =>
        kernels.groupF64Views(numbers, words, ROWS, slots, slotMask, keys, otherKeys, 0, gids),
      ),
    ],
    [
      'groupF64F64, new keys',
      fresh(() =>
        kernels.groupF64F64(numbers, numbers, ROWS, slots, slotMask, keys, otherKeys, 0, gids),
      ),
    ],
  ]
}
