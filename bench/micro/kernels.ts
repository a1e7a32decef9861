/**
 * Every kernel over vectors of 16,384 rows, and word count's kernels over a million words.
 * `node bench/micro/kernels.ts [part of a name]` prints the best and the median time a row.
 */
import type { Bench } from 'tinybench'
import { align } from '../report.ts'
import { SplitMix64 } from '../splitmix.ts'
import { type Case, Columns, ROWS, SCALE, SLOTS, VECTOR_SLOTS, WORDS } from './kernel-columns.ts'
import { familyCases } from './kernel-families.ts'

const PAIRS = 1_000_000
const PAIR_KEYS = 632_000
const PARTS = 256
const PARTS_SHIFT = 56
const PART_SLOTS = 2 ** 13
const RUNS = 25

/** Adds the kernels to the small parts that `npm run bench -- micro` measures. */
export function addKernels(bench: Bench): void {
  for (const { name, rows, run } of kernelCases()) {
    bench.add(`kernels: ${name}, ${rows} rows`, run)
  }
}

/** All cases, over columns of their own. */
export function kernelCases(columns = new Columns()): Case[] {
  return [
    ...textCases(columns),
    ...groupCases(columns),
    ...dictionaryCases(columns),
    ...recordCases(columns),
    ...exchangeCases(columns),
    ...numberCases(columns),
    ...stringCases(columns),
    ...radixCases(columns),
    ...familyCases(columns),
  ]
}

function textCases(columns: Columns): Case[] {
  const { kernels, textEnd, text, out, state } = columns
  const cut = (count: () => number) => (): void => {
    columns.rewindText()
    while (!columns.isTextDone()) count()
  }
  const separator = columns.alloc(16)
  columns.arena.u8[separator] = 32
  const counts = columns.hashes
  return [
    {
      name: 'splitText',
      rows: WORDS,
      run: cut(() => kernels.splitText(textEnd, 32, out, ROWS, state)),
    },
    {
      name: 'splitLines',
      rows: WORDS * SCALE,
      run: cut(() => kernels.splitLines(textEnd, out, ROWS, state)),
    },
    {
      name: 'countBytes, a byte',
      rows: textEnd - text,
      run: () => kernels.countBytes(text, textEnd - text, 10),
    },
    {
      name: 'isAsciiText, a byte',
      rows: textEnd - text,
      run: () => kernels.isAsciiText(text, textEnd - text),
    },
    {
      name: 'split, group, count',
      rows: WORDS,
      run: () => {
        const { slots, keys, gids, accumulators } = columns
        columns.clearGroups()
        columns.rewindText()
        while (!columns.isTextDone()) {
          const n = kernels.splitText(textEnd, 32, out, ROWS, state)
          columns.groups = kernels.groupViews(out, n, slots, SLOTS - 1, keys, columns.groups, gids)
          kernels.countByGid(gids, n, accumulators)
        }
      },
    },
    {
      name: 'splitViews of lines, a word',
      rows: ROWS * 10,
      run: () =>
        kernels.splitViews(columns.lines, ROWS, separator, 1, out, ROWS * 16, counts, state),
    },
    {
      name: 'splitWhitespace of lines, a word',
      rows: ROWS * 10,
      run: () => kernels.splitWhitespace(columns.lines, ROWS, out, ROWS * 16, counts, state),
    },
  ]
}

function groupCases(columns: Columns): Case[] {
  const { kernels, words, numbers, gids, slots, keys, otherKeys, accumulators, hashes } = columns
  const { knownSlots, knownKeys } = columns
  const mask = VECTOR_SLOTS - 1
  const fresh = (run: () => void) => (): void => {
    columns.clearGroups(VECTOR_SLOTS)
    run()
  }
  const list: [string, () => void][] = [
    ['hashViews', () => kernels.hashViews(words, ROWS, hashes)],
    ['hashF64', () => kernels.hashF64(numbers, ROWS, hashes)],
    ['mixHashes', () => kernels.mixHashes(hashes, hashes, ROWS)],
    [
      'groupViews, known keys',
      () => kernels.groupViews(words, ROWS, knownSlots, mask, knownKeys, columns.known, gids),
    ],
    ['clear (part of the next ones)', fresh(() => {})],
    [
      'groupF64, new keys',
      fresh(() => kernels.groupF64(numbers, ROWS, slots, mask, keys, 0, gids)),
    ],
    [
      'groupViewsF64, new keys',
      fresh(() =>
        kernels.groupViewsF64(words, numbers, ROWS, slots, mask, keys, otherKeys, 0, gids),
      ),
    ],
    [
      'groupViews, 6,000 new keys',
      fresh(() => kernels.groupViews(words, ROWS, slots, mask, keys, 0, gids)),
    ],
    ['countByGid', () => kernels.countByGid(gids, ROWS, accumulators)],
    ['sumByGid', () => kernels.sumByGid(gids, numbers, ROWS, accumulators)],
    ['minByGid', () => kernels.minByGid(gids, numbers, ROWS, accumulators)],
    ['lastByGid', () => kernels.lastByGid(gids, numbers, ROWS, accumulators)],
  ]
  return list.map(([name, run]) => ({ name, rows: ROWS, run }))
}

/** What is known by id, of the words of the vector. */
function dictionaryCases(columns: Columns): Case[] {
  const { kernels, words, knownSlots, knownKeys, arena, mask, numbers, otherKeys } = columns
  const n = columns.known
  const ids = columns.alloc(4 * ROWS)
  const out = columns.alloc(8 * ROWS)
  const missing = columns.alloc(4 * ROWS)
  const states = columns.alloc(ROWS)
  const targets = columns.alloc(4 * ROWS)
  const locals = columns.alloc(4 * ROWS)
  const order = columns.alloc(4 * ROWS)
  const slots = columns.alloc(4 * 4 * ROWS)
  kernels.groupViews(words, ROWS, knownSlots, VECTOR_SLOTS - 1, knownKeys, n, ids)
  arena.u8.fill(3, states, states + n)
  arena.u32.fill(2, targets / 4, targets / 4 + n)
  const list: [string, () => void][] = [
    ['masksById', () => kernels.masksById(ids, ROWS, states, mask, missing)],
    ['idsById', () => kernels.idsById(ids, ROWS, targets, out, missing)],
    ['filterIds, a half', () => kernels.filterIds(ids, columns.otherMask, ROWS, out)],
    ['pairIds', () => kernels.pairIds(ids, ids, ROWS, out)],
    [
      'localIds',
      () => {
        kernels.zeroBytes(locals, 4 * ROWS)
        kernels.localIds(ids, ROWS, locals, 0, order, out)
      },
    ],
    [
      'groupBits, new keys',
      () => {
        kernels.zeroBytes(slots, 4 * 4 * ROWS)
        kernels.groupBits(numbers, ROWS, slots, 4 * ROWS - 1, otherKeys, 0, out)
      },
    ],
  ]
  return list.map(([name, run]) => ({ name, rows: ROWS, run }))
}

/** Keys in records of states. */
function recordCases(columns: Columns): Case[] {
  const { kernels, words, numbers } = columns
  const slots = columns.alloc(4 * 4 * ROWS)
  const records = columns.alloc(32 * (ROWS + 1)) + 32
  const ids = columns.alloc(4 * ROWS)
  const entries = columns.alloc(24 * ROWS)
  const mask = 4 * ROWS - 1
  const fresh = (run: () => void) => () => {
    kernels.zeroBytes(slots, 4 * 4 * ROWS)
    run()
  }
  const list: [string, () => void][] = [
    [
      'groupF64Records, new keys',
      fresh(() => kernels.groupF64Records(numbers, ROWS, slots, mask, records, 0, ids)),
    ],
    ['findF64Record, one', () => kernels.findF64Record(numbers, slots, mask, records, ROWS)],
    ['logRecords', () => kernels.logRecords(ids, ROWS, ROWS, records + 8, 24, entries)],
    [
      'groupViewRecords, 6,000 new keys',
      fresh(() => kernels.groupViewRecords(words, ROWS, slots, mask, records, 0, ids)),
    ],
    ['findViewRecord, one', () => kernels.findViewRecord(words, slots, mask, records, ROWS)],
  ]
  return list.map(([name, run]) => ({ name, rows: ROWS, run }))
}

function exchangeCases(columns: Columns): Case[] {
  const { kernels, hashes, words, numbers, order, out, arena } = columns
  const parts = columns.alloc(2 * ROWS)
  const counts = columns.alloc(4 * PARTS)
  const shuffled = columns.alloc(4 * ROWS)
  const places = columns.alloc(4 * ROWS)
  kernels.partitionOf(hashes, ROWS, PARTS, parts)
  const list: [string, () => void][] = [
    ['partitionOf 7', () => kernels.partitionOf(hashes, ROWS, 7, parts)],
    ['partitionOf 256', () => kernels.partitionOf(hashes, ROWS, PARTS, parts)],
    [
      'countPartitions, prefixSums, orderByPartition 256',
      () => {
        arena.u32.fill(0, counts / 4, counts / 4 + PARTS)
        kernels.countPartitions(parts, ROWS, counts)
        kernels.prefixSums(counts, PARTS)
        kernels.orderByPartition(parts, ROWS, counts, shuffled)
      },
    ],
    [
      'countPartitions, prefixSums, placeByPartition 256',
      () => {
        kernels.zeroBytes(counts, 4 * PARTS)
        kernels.countPartitions(parts, ROWS, counts)
        kernels.prefixSums(counts, PARTS)
        kernels.placeByPartition(parts, ROWS, counts, places)
      },
    ],
    ['scatterViews', () => kernels.scatterViews(words, places, ROWS, out)],
    ['scatterF64', () => kernels.scatterF64(numbers, places, ROWS, out)],
    ['scatterBytes', () => kernels.scatterBytes(columns.mask, places, ROWS, out)],
    ['copyBytes of 16 a row', () => kernels.copyBytes(out, words, 16 * ROWS)],
    ['fillViews', () => kernels.fillViews(out, ROWS, words)],
    ['longBytesIn', () => kernels.longBytesIn(columns.lines, ROWS, 0, 2 ** 31)],
    ['hasSurrogates, lines', () => kernels.hasSurrogates(columns.lines, ROWS)],
    ['gatherViews', () => kernels.gatherViews(words, shuffled, ROWS, out)],
    ['gatherF64', () => kernels.gatherF64(numbers, shuffled, ROWS, out)],
    ['gatherU32', () => kernels.gatherU32(order, shuffled, ROWS, out)],
    ['longBytes', () => kernels.longBytes(columns.lines, ROWS)],
    ['copyLong of 75 bytes', () => kernels.copyLong(columns.lines, ROWS, out)],
  ]
  return list.map(([name, run]) => ({ name, rows: ROWS, run }))
}

function numberCases(columns: Columns): Case[] {
  const { kernels, numbers, divisors, fractions, mask, otherMask, out } = columns
  const list: [string, () => void][] = [
    ['addF64', () => kernels.addF64(numbers, divisors, ROWS, out)],
    ['mulF64By', () => kernels.mulF64By(numbers, 3, ROWS, out)],
    ['divF64', () => kernels.divF64(numbers, divisors, ROWS, out)],
    ['remF64By, integers', () => kernels.remF64By(numbers, 5, ROWS, out)],
    ['remF64, integers', () => kernels.remF64(numbers, divisors, ROWS, out)],
    ['remF64By, fractions', () => kernels.remF64By(fractions, 0.7, ROWS, out)],
    ['roundF64', () => kernels.roundF64(fractions, ROWS, out)],
    ['minF64', () => kernels.minF64(numbers, divisors, ROWS, out)],
    ['ltF64By', () => kernels.ltF64By(numbers, 5e8, ROWS, out)],
    ['andMasks', () => kernels.andMasks(mask, otherMask, ROWS, out)],
    ['countMask', () => kernels.countMask(mask, ROWS)],
    ['maskToRows', () => kernels.maskToRows(mask, ROWS, out)],
    ['filterF64', () => kernels.filterF64(numbers, mask, ROWS, out)],
    ['andInt32By', () => kernels.andInt32By(numbers, 255, ROWS, out)],
    ['shrUint32', () => kernels.shrUint32(numbers, divisors, ROWS, out)],
    [
      'x % 2 === 0, x * 3 + 1, % 5 < 3, count',
      () => {
        kernels.remF64By(numbers, 2, ROWS, out)
        kernels.eqF64By(out, 0, ROWS, otherMask)
        const n = kernels.filterF64(numbers, otherMask, ROWS, out)
        kernels.mulF64By(out, 3, n, out)
        kernels.addF64By(out, 1, n, out)
        kernels.remF64By(out, 5, n, out)
        kernels.ltF64By(out, 3, n, otherMask)
        kernels.countMask(otherMask, n)
      },
    ],
  ]
  return list.map(([name, run]) => ({ name, rows: ROWS, run }))
}

function stringCases(columns: Columns): Case[] {
  const { kernels, words, lines, decimals, numbers, order, mask, out, heap, arena } = columns
  const needle = columns.alloc(16)
  arena.u8.set(Buffer.from('abc'), needle)
  const scratch = columns.alloc(24 * ROWS + 8192)
  const list: [string, () => void][] = [
    ['eqViewsBy', () => kernels.eqViewsBy(words, words + 160, ROWS, out)],
    ['partViews', () => kernels.partViews(lines, ROWS, needle, 1, 2, out, mask)],
    ['countParts', () => kernels.countParts(lines, ROWS, needle, 1, out)],
    ['sliceTexts', () => kernels.sliceTexts(words, ROWS, 1, 4, out, mask)],
    ['foldLatin', () => kernels.foldLatin(columns.upper, ROWS, 0, mask)],
    ['formatNumbers', () => kernels.formatNumbers(numbers, ROWS, out, mask)],
    ['ltViews', () => kernels.ltViews(words, words + 16, ROWS - 1, out)],
    ['leViews', () => kernels.leViews(words, words + 16, ROWS - 1, out)],
    ['indexOfText', () => kernels.indexOfText(words, needle, 3, 0, ROWS, out)],
    ['startsWith', () => kernels.startsWith(words, needle, 3, ROWS, out)],
    ['includes, words', () => kernels.includes(words, needle, 3, ROWS, out)],
    ['includes, lines', () => kernels.includes(lines, needle, 3, ROWS, out)],
    ['isAsciiViews', () => kernels.isAsciiViews(words, ROWS)],
    ['upperViews', () => kernels.upperViews(words, ROWS, columns.upper, heap)],
    ['trimViews', () => kernels.trimViews(words, ROWS, 3, out, heap)],
    ['sliceViews', () => kernels.sliceViews(words, ROWS, 0, 3, out)],
    ['concatViews', () => kernels.concatViews(words, words, ROWS, out, heap)],
    ['textLengths', () => kernels.textLengths(words, ROWS, out)],
    ['charCodes', () => kernels.charCodes(words, 1, ROWS, out)],
    ['parseNumbers', () => kernels.parseNumbers(decimals, ROWS, out, heap)],
    [
      'orderF64',
      () => {
        kernels.firstRows(order, ROWS)
        kernels.orderF64(numbers, ROWS, order, scratch)
      },
    ],
    [
      'orderViews',
      () => {
        kernels.firstRows(order, ROWS)
        kernels.orderViews(words, ROWS, order, scratch)
      },
    ],
    ['bitsToMask', () => kernels.bitsToMask(mask, ROWS, heap)],
    ['maskToBits', () => kernels.maskToBits(mask, ROWS, heap)],
  ]
  return list.map(([name, run]) => ({ name, rows: ROWS, run }))
}

/** W2's shape: a million pairs, 632,000 keys, in 256 parts. */
function radixCases(columns: Columns): Case[] {
  const { kernels, arena } = columns
  const [keys, values] = [columns.alloc(8 * PAIRS), columns.alloc(8 * PAIRS)]
  const [pairs, starts] = [columns.alloc(16 * PAIRS), columns.alloc(4 * PARTS)]
  const [outKeys, sums] = [columns.alloc(8 * PAIRS), columns.alloc(8 * PAIRS)]
  const slots = columns.alloc(4 * PART_SLOTS)
  const random = new SplitMix64(2)
  for (let i = 0; i < PAIRS; i++) {
    const id = random.below(PAIR_KEYS)
    arena.f64[keys / 8 + i] = id * 1_234_567_891
    arena.f64[values / 8 + i] = random.unit()
  }
  const count = (): void => {
    arena.u32.fill(0, starts / 4, starts / 4 + PARTS)
    kernels.countRadix(keys, PAIRS, PARTS_SHIFT, starts)
    kernels.prefixSums(starts, PARTS)
  }
  const scatter = (): void => {
    count()
    kernels.scatterRadix(keys, values, PAIRS, PARTS_SHIFT, starts, pairs)
  }
  const sum = (): void => {
    let start = 0
    let groups = 0
    for (let part = 0; part < PARTS; part++) {
      const end = arena.u32[starts / 4 + part]!
      arena.u32.fill(0, slots / 4, slots / 4 + PART_SLOTS)
      const [at, to, sumsTo] = [pairs + 16 * start, outKeys + 8 * groups, sums + 8 * groups]
      groups += kernels.sumPairs(at, end - start, slots, PART_SLOTS - 1, to, sumsTo, 0)
      start = end
    }
  }
  scatter()
  return [
    { name: 'countRadix', rows: PAIRS, run: count },
    { name: 'countRadix, scatterRadix', rows: PAIRS, run: scatter },
    {
      name: 'countRadix, scatterRadix, sumPairs',
      rows: PAIRS,
      run: () => {
        scatter()
        sum()
      },
    },
  ]
}

/** Nanoseconds a row: the best of some runs, and their median. */
function measure({ name, rows, run }: Case): string[] {
  const times: number[] = []
  const calls = Math.max(1, Math.round(100_000 / rows))
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now()
    for (let call = 0; call < calls; call++) run()
    times.push(((performance.now() - start) * 1e6) / rows / calls)
  }
  times.sort((a, b) => a - b)
  return [name, times[0]!.toFixed(2), times[RUNS >> 1]!.toFixed(2)]
}

if (import.meta.main) {
  const part = process.argv[2] ?? ''
  const rows = kernelCases().filter(({ name }) => name.includes(part))
  console.log(align([['kernel', 'best ns/row', 'median'], ...rows.map(measure)]).join('\n'))
}
