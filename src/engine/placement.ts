/**
 * Where a stage runs: on the main thread, as one task, or as several. Chosen by what the same chain
 * has cost so far; the results are the same (no operator sees how partitions share tasks).
 */
import { weightOf } from './block-store.ts'
import type { Chain, PlacedPartition } from './plan.ts'
import type { ProgramRef } from './program.ts'
import type { Piece } from './vector.ts'

/**
 * Where the tasks of a stage go: the main thread, one task, a task a partition, or a row where
 * partitions can be cut; or each partition's task together with its twin.
 */
export type Placement = 'inline' | 'one' | 'all' | 'cut' | 'twins'

/** What a stage is expected to cost. */
export interface Estimate {
  readonly weight: number
  readonly milliseconds: number
  /** Whether that follows from what the same chains have cost, and not from a first guess. */
  readonly isMeasured: boolean
  /** Whether a chain among them has never run: a function of its may take any time. */
  readonly isNew: boolean
}

/** A stage that takes longer keeps timers and receivers of the main thread waiting. */
const inlineMsMax = 0.6
/** Rows that are not too many to be tried. */
const inlineRowsMax = 8192
/** With more of them a stage must be known to take less than sending it does. */
const knownInlineMsMax = 0.3
/** Tasks after which the cost of a row is believed. */
const measuredMin = 4
/** A task of less time costs more to send and to take in than it saves by being shared. */
const taskMsMin = 0.15
/** Tasks a worker: the last ones of a stage, which not all workers share, are as short as that. */
const tasksPerWorker = 8
/** Below so many rows a partition its own cost counts, above it that of its rows. */
const smallPartitionRows = 512

/** Milliseconds of a chain until they are measured. */
const firstPartMs = 0.02
const firstRowMs = 0.0001

class ProgramCost {
  partMs = firstPartMs
  rowMs = firstRowMs
  /** The first task compiles; what it takes says nothing about the next. */
  warm = false
  /** Tasks that told what a row costs. */
  measured = 0
}

/** Less time than before is believed sooner than more: a thread can be held up by others. */
function smoothed(before: number, now: number): number {
  return now < before ? (before + now) / 2 : before * 0.875 + Math.min(now, before * 3) * 0.125
}

/** The program of each chain of a stage. */
export type ChainPrograms = ReadonlyMap<Chain, ProgramRef>

/** Measured costs of programs, which outlive the chains that a batch makes anew. */
export class Placing {
  #costs = new WeakMap<ProgramRef, ProgramCost>()

  #cost(program: ProgramRef): ProgramCost {
    let cost = this.#costs.get(program)
    if (!cost) this.#costs.set(program, (cost = new ProgramCost()))
    return cost
  }

  /** Notes what a task of this program over `parts` partitions of that weight together took. */
  note(program: ProgramRef, parts: number, weight: number, elapsedMs: number): void {
    const cost = this.#cost(program)
    if (!cost.warm) cost.warm = true
    else if (weight < parts * smallPartitionRows) {
      cost.partMs = smoothed(cost.partMs, elapsedMs / parts)
    } else {
      cost.rowMs = smoothed(cost.rowMs, elapsedMs / weight)
      cost.measured++
    }
  }

  /** What the partitions would cost one thread. */
  estimate(
    placed: readonly PlacedPartition[],
    indexes: readonly number[],
    programs: ChainPrograms,
  ): Estimate {
    let total = 0
    let milliseconds = 0
    let isMeasured = true
    let isNew = false
    for (const index of indexes) {
      const { chain, pieces } = placed[index]!
      const { partMs, rowMs, measured, warm } = this.#cost(programs.get(chain)!)
      isMeasured &&= measured >= measuredMin
      isNew ||= !warm
      const weight = weightOf(pieces)
      total += weight
      milliseconds += Math.max(partMs, weight * rowMs)
    }
    return { weight: total, milliseconds, isMeasured, isNew }
  }
}

/** Whether so small a stage is done before a worker could answer. */
export function isTiny({ weight, milliseconds, isMeasured }: Estimate): boolean {
  if (weight <= inlineRowsMax) return milliseconds <= inlineMsMax
  return isMeasured && milliseconds <= knownInlineMsMax
}

/** Partitions that have something to do; an empty one without a chain for it gives nothing. */
export function busyPartitions(placed: readonly PlacedPartition[]): number[] {
  const indexes: number[] = []
  for (let i = 0; i < placed.length; i++) {
    const { chain, pieces } = placed[i]!
    if (pieces.length > 0 || chain.emitsOnEmpty) indexes.push(i)
  }
  return indexes
}

/** How much a task of a stage should weigh. */
function targetWeight({ weight, milliseconds, isNew }: Estimate, workers: number): number {
  const countMax = workers * tasksPerWorker
  // What little one task more costs is soon made up for where few rows turn out to take long.
  const count = isNew ? countMax : Math.min(countMax, Math.max(1, milliseconds / taskMsMin))
  return Math.max(1, weight / count)
}

/** Partitions of which some are ranges of one that was cut. */
export interface Cut {
  readonly placed: readonly PlacedPartition[]
  /** Which partition each of them belongs to; in order. */
  readonly origins: readonly number[]
}

/** Rows of a range, where a chain has never run and may turn out to be cheap. */
const newRangeRowsMin = 4096
const rangeRowsMin = 32

/**
 * Cuts partitions that are far larger than a task should be into ranges of rows, where each row
 * goes its own way: the rows that come out are the same, in the same order. The others are as they
 * were: what folds or holds the rows of a partition needs all of them.
 */
export function cutLarge(
  placed: readonly PlacedPartition[],
  estimate: Estimate,
  workers: number,
): Cut | undefined {
  const rowsMin = estimate.isNew ? newRangeRowsMin : rangeRowsMin
  const target = Math.max(rowsMin, Math.ceil(targetWeight(estimate, workers)))
  return cutBy(placed, target)
}

/** Cuts partitions of twice as many rows as that; undefined where there are none to be cut. */
export function cutBy(placed: readonly PlacedPartition[], target: number): Cut | undefined {
  const parts: PlacedPartition[] = []
  const origins: number[] = []
  for (const [index, one] of placed.entries()) {
    const weight = weightOf(one.pieces)
    const ranges: (readonly Piece[])[] =
      weight >= 2 * target && canBeCut(one) ? rangesOf(one.pieces, target) : []
    if (ranges.length < 2) ranges.splice(0, 1, one.pieces)
    for (const pieces of ranges) {
      parts.push({ ...one, pieces })
      origins.push(index)
    }
  }
  return parts.length > placed.length ? { placed: parts, origins } : undefined
}

function canBeCut({ chain, pieces }: PlacedPartition): boolean {
  return (
    chain.steps.every(({ operator }) => operator.rowWise === true) &&
    pieces.every(({ kind }) => kind === 'block')
  )
}

/** Pieces of blocks as lists of at most `rows` rows each. */
function rangesOf(pieces: readonly Piece[], rows: number): Piece[][] {
  const ranges: Piece[][] = []
  let range: Piece[] = []
  let room = rows
  for (const piece of pieces) {
    for (let from = piece.from; from < piece.to; ) {
      const to = Math.min(piece.to, from + room)
      range.push({ ...piece, from, to })
      room -= to - from
      from = to
      if (room > 0) continue
      ranges.push(range)
      range = []
      room = rows
    }
  }
  if (range.length > 0) ranges.push(range)
  return ranges
}

/**
 * Partitions as tasks, by weight; neighbours stay together. A task that weighs far more than the
 * others comes first, so that nothing waits for it in the end.
 */
export function dealt(
  placed: readonly PlacedPartition[],
  indexes: readonly number[],
  estimate: Estimate,
  workers: number,
): number[][] {
  const target = targetWeight(estimate, workers)
  const heavy: number[][] = []
  const tasks: number[][] = []
  let task: number[] = []
  let weight = 0
  for (const index of indexes) {
    task.push(index)
    weight += weightOf(placed[index]!.pieces)
    if (weight < target) continue
    if (weight > 2 * target) heavy.push(task)
    else tasks.push(task)
    task = []
    weight = 0
  }
  if (task.length > 0) tasks.push(task)
  return [...heavy, ...tasks]
}
