/**
 * The exports of the kernels, written by scripts/build-kernels.ts from their sources in
 * src/kernels/. Addresses and sizes are in bytes.
 */
export interface KernelExports {
  /** Adds 1 to the accumulator of every row's group. */
  countByGid(gids: number, n: number, accumulators: number): void
  /** Adds every row's value to the accumulator of its group, in the order of rows. */
  sumByGid(gids: number, values: number, n: number, accumulators: number): void
  /** Keeps the least value of every group, as `Math.min` does: NaN wins, -0 is less than 0. */
  minByGid(gids: number, values: number, n: number, accumulators: number): void
  /** Keeps the greatest value of every group, as `Math.max` does: NaN wins, 0 is more than -0. */
  maxByGid(gids: number, values: number, n: number, accumulators: number): void
  /**
   * Keeps the first value of every group.
   *
   * @param seen Number of groups before this vector; the vector's new ones follow in order.
   */
  firstByGid(gids: number, values: number, n: number, accumulators: number, seen: number): void
  /** Keeps the last value of every group. */
  lastByGid(gids: number, values: number, n: number, accumulators: number): void
  /** `start` plus all values, from the first to the last. */
  sumF64(values: number, n: number, start: number): number
  /** `Math.min` of `start` and all values. */
  leastF64(values: number, n: number, start: number): number
  /** `Math.max` of `start` and all values. */
  greatestF64(values: number, n: number, start: number): number
  /** Writes `value` to `n` numbers. */
  fillF64(out: number, n: number, value: number): void
  addF64(a: number, b: number, n: number, out: number): void
  addF64By(a: number, k: number, n: number, out: number): void
  subF64(a: number, b: number, n: number, out: number): void
  subF64By(a: number, k: number, n: number, out: number): void
  subF64From(k: number, b: number, n: number, out: number): void
  mulF64(a: number, b: number, n: number, out: number): void
  mulF64By(a: number, k: number, n: number, out: number): void
  divF64(a: number, b: number, n: number, out: number): void
  divF64By(a: number, k: number, n: number, out: number): void
  divF64From(k: number, b: number, n: number, out: number): void
  /** The remainder `a % b`, with the sign of `a`. */
  remF64(a: number, b: number, n: number, out: number): void
  remF64By(a: number, k: number, n: number, out: number): void
  remF64From(k: number, b: number, n: number, out: number): void
  /** `Math.min(a, b)`: NaN wins, -0 is less than 0. */
  minF64(a: number, b: number, n: number, out: number): void
  minF64By(a: number, k: number, n: number, out: number): void
  /** `Math.max(a, b)`: NaN wins, 0 is more than -0. */
  maxF64(a: number, b: number, n: number, out: number): void
  maxF64By(a: number, k: number, n: number, out: number): void
  /** 1 when all bytes of [text, text + length) are below 128. */
  isAsciiText(text: number, length: number): number
  /** 1 when the texts of `n` views are all ASCII. */
  isAsciiViews(views: number, n: number): number
  /** 1 if one of `n` texts holds a surrogate, which only WTF-8 can: bytes ED A0 to ED BF. */
  hasSurrogates(views: number, n: number): number
  ltF64(a: number, b: number, n: number, mask: number): void
  leF64(a: number, b: number, n: number, mask: number): void
  eqF64(a: number, b: number, n: number, mask: number): void
  ltF64By(a: number, k: number, n: number, mask: number): void
  leF64By(a: number, k: number, n: number, mask: number): void
  gtF64By(a: number, k: number, n: number, mask: number): void
  geF64By(a: number, k: number, n: number, mask: number): void
  eqF64By(a: number, k: number, n: number, mask: number): void
  /** Writes zeros to `bytes` bytes. */
  zeroBytes(to: number, bytes: number): void
  /** Copies `bytes` bytes; the two places may overlap. */
  copyBytes(to: number, from: number, bytes: number): void
  /** Writes the view at `view` to `n` views. */
  fillViews(out: number, n: number, view: number): void
  /** Bytes of those of `n` texts that lie in [low, high), and not in their views. */
  longBytesIn(views: number, n: number, low: number, high: number): number
  /**
   * Copies the texts that lie in [low, high) to `target`, one behind the other, and lets the views
   * point there.
   *
   * @returns Number of bytes copied, which is `longBytesIn`.
   */
  copyLongIn(views: number, n: number, low: number, high: number, target: number): number
  /**
   * Bit 0 of the state of every id, as a mask. Ids whose state is 0 are written to `missing` (u32),
   * each once, and their state becomes 4.
   *
   * @returns How many are missing: with none, the mask is right.
   */
  masksById(ids: number, n: number, states: number, mask: number, missing: number): number
  /**
   * Writes, for every id, the new id that `targets` (u32) has for it. Those are kept plus 2: 0
   * stands for one that is not known, and 1 for one that is listed: such ids are written to
   * `missing` (u32), each once.
   *
   * @returns How many are missing: with none, what was written is right.
   */
  idsById(ids: number, n: number, targets: number, out: number, missing: number): number
  /**
   * Numbers ids anew in order of first appearance: 0, 1, 2 … `locals` (u32) has the new number of
   * an id plus 1, or 0; `order` (u32) gets the old id of every new number, and has room for
   * one of every row. There are `count` so far.
   *
   * @returns The new count.
   */
  localIds(
    ids: number,
    n: number,
    locals: number,
    count: number,
    order: number,
    out: number,
  ): number
  /** Writes the ids of the rows that the mask has. Up to `n` are written. Returns how many. */
  filterIds(ids: number, mask: number, n: number, out: number): number
  /** Joins two columns of ids into one of 64 bits: the second in the upper half. */
  pairIds(first: number, second: number, n: number, out: number): void
  /** Partition of every row: its hash modulo `partitions` (1 to 65,536), as u16 at `out`. */
  partitionOf(hashes: number, n: number, partitions: number, out: number): void
  /** Adds to the `counts` (u32) of partitions the rows that belong to each. */
  countPartitions(partitionOfRow: number, n: number, counts: number): void
  /** Turns `n` counts (u32) into the sums of all counts before each. Returns the sum of all. */
  prefixSums(counts: number, n: number): number
  /**
   * Writes the indexes of rows ordered by partition (u32) at `order`. `starts` holds where each
   * partition's rows begin (see `prefixSums`), and afterwards where they end.
   */
  orderByPartition(partitionOfRow: number, n: number, starts: number, order: number): void
  /**
   * Writes where every row goes when rows are ordered by partition (u32) at `places`; may be called
   * for one vector after the other. `starts` is as for `orderByPartition`.
   */
  placeByPartition(partitionOfRow: number, n: number, starts: number, places: number): void
  /** Writes every view to its place (u32). Long ones point where they pointed. */
  scatterViews(views: number, places: number, n: number, out: number): void
  /** Writes every 64-bit value to its place (u32). */
  scatterF64(values: number, places: number, n: number, out: number): void
  /** Writes every byte to its place (u32), as for masks. */
  scatterBytes(bytes: number, places: number, n: number, out: number): void
  /** Writes the views of the rows listed at `rows` (u32). Long ones point where they pointed. */
  gatherViews(views: number, rows: number, n: number, out: number): void
  /** Writes the 64-bit values of the rows listed at `rows` (u32). */
  gatherF64(values: number, rows: number, n: number, out: number): void
  /** Writes the 32-bit values of the rows listed at `rows` (u32). */
  gatherU32(values: number, rows: number, n: number, out: number): void
  /** Writes the bytes of the rows listed at `rows` (u32), as for masks. */
  gatherBytes(bytes: number, rows: number, n: number, out: number): void
  /** Bytes of those of `n` texts that do not lie in their views. */
  longBytes(views: number, n: number): number
  /**
   * Copies the texts that do not lie in their views to `target`, one behind the other, and lets the
   * views point there.
   *
   * @returns Number of bytes copied, which is `longBytes`.
   */
  copyLong(views: number, n: number, target: number): number
  /** Group ids of `n` strings; keys are views. */
  groupViews(
    views: number,
    n: number,
    slots: number,
    mask: number,
    keys: number,
    count: number,
    gids: number,
  ): number
  /** Group ids of `n` numbers: NaN equals NaN, -0 equals 0. Keys are f64. */
  groupF64(
    values: number,
    n: number,
    slots: number,
    mask: number,
    keys: number,
    count: number,
    gids: number,
  ): number
  /** Group ids of `n` values of 64 bits, which are equal when their bits are. */
  groupBits(
    values: number,
    n: number,
    slots: number,
    mask: number,
    keys: number,
    count: number,
    gids: number,
  ): number
  /** Group ids of `n` pairs of strings. */
  groupViewsViews(
    firsts: number,
    seconds: number,
    n: number,
    slots: number,
    mask: number,
    firstKeys: number,
    secondKeys: number,
    count: number,
    gids: number,
  ): number
  /** Group ids of `n` pairs of a string and a number. */
  groupViewsF64(
    firsts: number,
    seconds: number,
    n: number,
    slots: number,
    mask: number,
    firstKeys: number,
    secondKeys: number,
    count: number,
    gids: number,
  ): number
  /** Group ids of `n` pairs of a number and a string. */
  groupF64Views(
    firsts: number,
    seconds: number,
    n: number,
    slots: number,
    mask: number,
    firstKeys: number,
    secondKeys: number,
    count: number,
    gids: number,
  ): number
  /** Group ids of `n` pairs of numbers. */
  groupF64F64(
    firsts: number,
    seconds: number,
    n: number,
    slots: number,
    mask: number,
    firstKeys: number,
    secondKeys: number,
    count: number,
    gids: number,
  ): number
  /** As `groupF64`, with keys that open records of 24 bytes. */
  groupF64Records(
    values: number,
    n: number,
    slots: number,
    mask: number,
    keys: number,
    count: number,
    gids: number,
  ): number
  /** As `groupViews`, with keys that open records of 32 bytes. */
  groupViewRecords(
    views: number,
    n: number,
    slots: number,
    mask: number,
    keys: number,
    count: number,
    gids: number,
  ): number
  /** The group id + 1 of a number among the first `count` records; 0 where it is in none. */
  findF64Record(value: number, slots: number, mask: number, keys: number, count: number): number
  /** The group id + 1 of the text of a view among the first `count` records; 0 where in none. */
  findViewRecord(view: number, slots: number, mask: number, keys: number, count: number): number
  /** Hashes of `n` strings, as u32 at `out`. */
  hashViews(views: number, n: number, out: number): void
  /** Hashes of `n` numbers, as u32 at `out`. */
  hashF64(values: number, n: number, out: number): void
  /** Hashes of `n` dates, given as milliseconds in f64. */
  hashDates(values: number, n: number, out: number): void
  /** Hashes of `n` bigints of a 64-bit column. */
  hashI64(values: number, n: number, out: number): void
  /** Hashes of `n` rows of a bit column: `ifFalse` or `ifTrue`. */
  hashBits(bits: number, n: number, ifFalse: number, ifTrue: number, out: number): void
  /** Begins the hashes of `n` tuples of `items` items; `mixHashes` and `finishHashes` follow. */
  startTupleHashes(hashes: number, n: number, items: number): void
  /** Mixes the hashes of one item of every tuple into `hashes`. */
  mixHashes(hashes: number, itemHashes: number, n: number): void
  /** Ends the hashes of `n` tuples. */
  finishHashes(hashes: number, n: number): void
  andInt32(a: number, b: number, n: number, out: number): void
  andInt32By(a: number, k: number, n: number, out: number): void
  orInt32(a: number, b: number, n: number, out: number): void
  orInt32By(a: number, k: number, n: number, out: number): void
  xorInt32(a: number, b: number, n: number, out: number): void
  xorInt32By(a: number, k: number, n: number, out: number): void
  /** `a << b`; the count is taken modulo 32, here and below. */
  shlInt32(a: number, b: number, n: number, out: number): void
  shlInt32By(a: number, k: number, n: number, out: number): void
  /** `a >> b`. */
  shrInt32(a: number, b: number, n: number, out: number): void
  shrInt32By(a: number, k: number, n: number, out: number): void
  /** `a >>> b`. */
  shrUint32(a: number, b: number, n: number, out: number): void
  shrUint32By(a: number, k: number, n: number, out: number): void
  andMasks(a: number, b: number, n: number, out: number): void
  orMasks(a: number, b: number, n: number, out: number): void
  notMask(a: number, n: number, out: number): void
  /** Number of rows that the mask has. */
  countMask(mask: number, n: number): number
  /** The selection of a mask's rows. Up to `n` words are written. Returns how many are selected. */
  maskToRows(mask: number, n: number, rows: number): number
  /** Writes the numbers of a mask's rows. Up to `n` are written. Returns how many are selected. */
  filterF64(values: number, mask: number, n: number, out: number): number
  /** Writes the number of `a` where the mask has the row, else that of `b`. */
  pickF64(mask: number, a: number, b: number, n: number, out: number): void
  /** Writes the view of `a` where the mask has the row, else that of `b`. */
  pickViews(mask: number, a: number, b: number, n: number, out: number): void
  /** The mask of a column of bits. */
  bitsToMask(bits: number, n: number, mask: number): void
  /** The column of bits of a mask; the last byte's bits beyond `n` are 0. */
  maskToBits(mask: number, n: number, bits: number): void
  /**
   * `Number(text)` where the text is a plain decimal: an optional minus, digits, and perhaps a
   * point and more digits, no more than 15 digits in all. There the quotient of two exact
   * integers is the number nearest to the decimal, as it should be. `parseFloat` gives the same,
   * and `parseInt` the same number truncated.
   *
   * @param unsure Mask of the other rows, which are for JavaScript; their numbers are NaN.
   * @returns Number of those rows.
   */
  parseNumbers(views: number, n: number, out: number, unsure: number): number
  /**
   * `String(number)` where it is a whole number of at most 11 digits, whose text lies in its view.
   *
   * @param unsure Mask of the other rows, which are for JavaScript; their texts are empty.
   * @returns Number of those rows.
   */
  formatNumbers(values: number, n: number, out: number, unsure: number): number
  /** `a === text` for the text of one view. */
  eqViewsBy(a: number, view: number, n: number, mask: number): void
  /** `a === b`. */
  eqViews(a: number, b: number, n: number, mask: number): void
  /** `a < b`, by UTF-16 units. */
  ltViews(a: number, b: number, n: number, mask: number): void
  /** `a <= b`, by UTF-16 units. */
  leViews(a: number, b: number, n: number, mask: number): void
  /** `a.startsWith(text)` for `length` bytes at `text`. */
  startsWith(a: number, text: number, length: number, n: number, mask: number): void
  /** `a.endsWith(text)` for `length` bytes at `text`. */
  endsWith(a: number, text: number, length: number, n: number, mask: number): void
  /** `a.includes(text)` for `length` bytes at `text`. */
  includes(a: number, text: number, length: number, n: number, mask: number): void
  /** `a.indexOf(text)` for `length` bytes at `text`, as f64. `ascii`: 1 when `a` is all ASCII. */
  indexOfText(a: number, text: number, length: number, ascii: number, n: number, out: number): void
  /** 1 where all bytes are below 128: the rows that other kernels can take as they are. */
  asciiMask(a: number, n: number, mask: number): void
  /** Adds to the `counts` (u32, 2^(64 - shift) of them) of parts the keys that belong to each. */
  countRadix(keys: number, n: number, shift: number, counts: number): void
  /**
   * Writes rows as pairs, ordered by part. `starts` holds the row where each part begins, and
   * afterwards where it ends.
   */
  scatterRadix(
    keys: number,
    values: number,
    n: number,
    shift: number,
    starts: number,
    pairs: number,
  ): void
  /**
   * Sums `n` pairs by key, in their order, and goes on from `count` groups.
   *
   * @param slots A power of two of u32, at least twice the number of groups; zeroed at first.
   * @param keys Keys by group, in order of first appearance, as f64.
   * @param sums Sums by group, as f64.
   * @returns The new number of groups.
   */
  sumPairs(
    pairs: number,
    n: number,
    slots: number,
    mask: number,
    keys: number,
    sums: number,
    count: number,
  ): number
  /**
   * Writes entries for those of `n` ids that are below `limit`; `changing` is where the 16 bytes of
   * record 0 lie, and `stride` the size of a record.
   *
   * @returns Number of entries.
   */
  logRecords(
    ids: number,
    n: number,
    limit: number,
    changing: number,
    stride: number,
    entries: number,
  ): number
  /** `-a`. */
  negF64(a: number, n: number, out: number): void
  absF64(a: number, n: number, out: number): void
  sqrtF64(a: number, n: number, out: number): void
  floorF64(a: number, n: number, out: number): void
  ceilF64(a: number, n: number, out: number): void
  truncF64(a: number, n: number, out: number): void
  /** `Math.round`: halves go up, and what becomes 0 keeps its sign. */
  roundF64(a: number, n: number, out: number): void
  /** `Math.sign`: 1, -1, or the number itself where it is 0, -0 or NaN. */
  signF64(a: number, n: number, out: number): void
  /** Writes 0, 1, 2 … n - 1 to `order`. */
  firstRows(order: number, n: number): void
  /**
   * Orders rows by number, as `(a, b) => a - b` does: 0 and -0 are equal. NaNs come last.
   *
   * @param scratch 24 bytes a row, and 8 KiB.
   */
  orderF64(values: number, n: number, order: number, scratch: number): void
  /**
   * Orders rows by string, as JavaScript does without a comparator: by UTF-16 units.
   *
   * @param scratch 24 bytes a row, and 8 KiB.
   */
  orderViews(views: number, n: number, order: number, scratch: number): void
  /**
   * `text.split(separator)` of every row.
   *
   * @param length Bytes of the separator at `separator`; at least 1.
   * @param cap Most parts to write.
   * @returns Number of parts.
   */
  splitViews(
    views: number,
    n: number,
    separator: number,
    length: number,
    out: number,
    cap: number,
    counts: number,
    state: number,
  ): number
  /**
   * `text.split(/\s+/)` of every row. Rows that may hold white space outside of ASCII are left to
   * JavaScript.
   *
   * @param cap Most parts to write.
   * @returns Number of parts.
   */
  splitWhitespace(
    views: number,
    n: number,
    out: number,
    cap: number,
    counts: number,
    state: number,
  ): number
  /**
   * `text.split(separator)[place]` of every row. Where there are fewer parts, the mask `missing` is
   * 1 and the part empty. Parts of more than 12 bytes point into the row's text.
   *
   * @param length Bytes of the separator at `separator`; at least 1.
   */
  partViews(
    views: number,
    n: number,
    separator: number,
    length: number,
    place: number,
    out: number,
    missing: number,
  ): void
  /** `text.split(separator).length` of every row, as f64. */
  countParts(views: number, n: number, separator: number, length: number, out: number): void
  /** `a.toLowerCase()` of ASCII; other bytes stay. `heap` has room for `longBytes`. */
  lowerViews(a: number, n: number, out: number, heap: number): number
  /** `a.toUpperCase()` of ASCII; other bytes stay. `heap` has room for `longBytes`. */
  upperViews(a: number, n: number, out: number, heap: number): number
  /**
   * `a.trim()` where `sides` is 3, `trimStart()` 1, `trimEnd()` 2.
   *
   * @param unsure Mask of rows for JavaScript: a byte outside of ASCII stands where trimming stops,
   * and
   * may be white space too.
   * @returns Number of those rows.
   */
  trimViews(a: number, n: number, sides: number, out: number, unsure: number): number
  /** `a.slice(from, to)` of ASCII, with negative places counted from the end. */
  sliceViews(a: number, n: number, from: number, to: number, out: number): void
  /**
   * `a.slice(from, to)` of any text.
   *
   * @param unsure Mask of the rows with characters of two UTF-16 units, which are for JavaScript.
   * @returns Number of those rows.
   */
  sliceTexts(a: number, n: number, from: number, to: number, out: number, unsure: number): number
  /**
   * Goes on where `lowerViews` or `upperViews` ended: gives the letters of Latin-1 their other
   * case, in place. Characters that have no case are known up to U+00FF, and from U+4000 to
   * U+9FFF.
   *
   * @param upper 1 for upper case.
   * @param unsure Mask of the rows with other characters, which are for JavaScript.
   * @returns Number of those rows.
   */
  foldLatin(views: number, n: number, upper: number, unsure: number): number
  /**
   * `a + b`. `heap` has room for the bytes of all results. Both are UTF-8: halves of a character
   * that meet would have to become one.
   */
  concatViews(a: number, b: number, n: number, out: number, heap: number): number
  /** `a.length`: UTF-16 units, as f64. */
  textLengths(a: number, n: number, out: number): void
  /** `a.charCodeAt(index)` of ASCII, as f64; NaN where there is no character. */
  charCodes(a: number, index: number, n: number, out: number): void
  /**
   * Cuts [text, end) at newlines and at a separator, as `line.split(separator)` does for each line:
   * empty parts are kept, an empty line has one empty part. A line ends at `\n` or at `end`, and a
   * `\r` right before that is no part of it; after a final newline there is nothing. Views of more
   * than 12 bytes point into the text.
   *
   * `state` is two words: where to go on, and 1 when a part must follow there even if it is empty.
   * Begin with (text, 0); all is done when it holds (end, 0). Up to 15 bytes beyond `end` are
   * loaded, but none beyond the end of memory.
   *
   * @param separator A byte, neither `\n` nor `\r`.
   * @param cap Most views to write at `out`; at least 1.
   * @returns Number of views.
   */
  splitText(end: number, separator: number, out: number, cap: number, state: number): number
  /**
   * Cuts [text, end) into lines. A line ends at `\n` or at `end`, and a `\r` right before that is
   * no part of it; after a final newline there is nothing. For `cap` and `state` see `splitText`.
   *
   * @returns Number of views.
   */
  splitLines(end: number, out: number, cap: number, state: number): number
  /** How many of `length` bytes at `text` are `byte`. */
  countBytes(text: number, length: number, byte: number): number
}

/** Kernels that return an address or a size, which WebAssembly hands over as a signed number. */
export const UNSIGNED_RESULTS: readonly (keyof KernelExports)[] = [
  'longBytesIn',
  'copyLongIn',
  'longBytes',
  'copyLong',
  'lowerViews',
  'upperViews',
  'concatViews',
]
