/**
 * The files of a log, and which frames of them count.
 *
 * A write that fails leaves a file that nobody may go on with: the log writes the same frames
 * again, in a new file. So each file begins with a frame that says how many frames of the log lie
 * before it and in which file the last of them is. Going back by that from the newest file gives
 * the chain of files that count, and the number of frames that count in each; what a file holds
 * beyond, and files that are not in the chain, was never acknowledged. A frame that is missing from
 * the chain was.
 *
 * ```
 * log-00000001            log-00000002            log-00000003           log-00000004
 * │ 0 before │ a │ b │ c?   │ 2 before, 1 │ c?       │ 2 before, 1 │ c │ d   │ ?
 *                  └ failed              └ failed                          └ a crash
 * ```
 * Here `c` was written three times and acknowledged once; the chain is 3, 1.
 */
import { PeltonError } from '../errors.ts'
import type { Disk } from './disk.ts'
import { type Frame, FrameReader } from './frames.ts'

const purpose = 'log'
/** The kind of the frame a file begins with. */
const beginKind = 255
/** What is read of a file to see its first frame. */
const beginPieceBytes = 4096
const numberMax = 2 ** 32 - 1

/** Kinds above it are the log's own. */
export const RECORD_KIND_MAX = 254

/** A place in the log: the number of a file, and where a frame begins in it. */
export interface Position {
  readonly segment: number
  readonly offset: number
}

/** What the first frame of a file says. */
export interface Begin {
  /** Frames of the log before this file. */
  readonly before: number
  /** The file with the last of them; 0 where there is none. */
  readonly previous: number
}

/** A file of the chain. */
export interface Link extends Begin {
  readonly number: number
  /** Where the frame after the first one begins, or would. */
  readonly recordsAt: number
}

/** Where the log ends: the last file of the chain, the end of its good frames, all till there. */
export interface Tail extends Position {
  readonly count: number
}

export const segmentName = (number: number): string => `log-${String(number).padStart(8, '0')}`
export const segmentFile = (number: number) => ({ purpose, id: number })

/** The frame that a file begins with: its kind and what it holds. */
export function beginFrame({ before, previous }: Begin): [kind: number, parts: Uint8Array[]] {
  const bytes = Buffer.alloc(12)
  bytes.writeDoubleLE(before, 0)
  bytes.writeUInt32LE(previous, 8)
  return [beginKind, [bytes]]
}

function beginIn({ kind, payload }: Frame): Begin | undefined {
  if (kind !== beginKind || payload.length !== 12) return undefined
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  return { before: bytes.readDoubleLE(0), previous: bytes.readUInt32LE(8) }
}

/** Numbers of the log's files, lowest first; other files may lie beside them. */
export async function segmentNumbers(disk: Disk): Promise<number[]> {
  const found = (await disk.list()).flatMap(name => {
    const number = Number(/^log-(\d{8,10})$/.exec(name)?.[1] ?? 0)
    return number > 0 && number <= numberMax && segmentName(number) === name ? [number] : []
  })
  return found.sort((a, b) => a - b)
}

const reader = (disk: Disk, number: number, pieceBytes?: number): FrameReader =>
  new FrameReader(disk, segmentName(number), segmentFile(number), pieceBytes)

/**
 * Finds where the log ends, in its newest file with a good beginning, and makes durable what is
 * there: from now on it counts, whether it was acknowledged or not. What lies behind it is gone.
 *
 * @throws PeltonError `LOG_DAMAGED` where something is bad that was whole once
 */
export async function findTail(
  disk: Disk,
  numbers: readonly number[],
  warn: (message: string) => void,
): Promise<Tail | undefined> {
  for (const number of numbers.toReversed()) {
    const segment = reader(disk, number)
    let begin: Begin | undefined
    let frames = -1
    for await (const frame of segment.frames()) {
      begin ??= beginIn(frame)
      if (!begin) throw damaged(disk, number, frame.at, 'its first frame is of another kind')
      frames++
    }
    const { how, at, why } = segment.ending
    if (how === 'damaged') throw damaged(disk, number, at, why)
    if (how === 'torn') {
      warn(
        `${disk.name}/${segmentName(number)} is torn at byte ${at}: ${why}. That is what a crash ` +
          'leaves of a write that was not acknowledged; the log ends there',
      )
    }
    if (!begin) continue
    await rewrite(disk, segmentName(number), at)
    return { segment: number, offset: at, count: begin.before + frames }
  }
  // Without any good beginning this can only be a log whose first write did not succeed: there the
  // name of file 1 is durable before others are made.
  const lowest = numbers[0]
  if (lowest === undefined || lowest === 1) return undefined
  throw damaged(disk, lowest, 0, 'no file of the log has a good beginning')
}

/** Bytes that are copied at once. */
const copiedBytesMax = 1024 * 1024

/**
 * Makes the first `bytes` of a file durable, and drops the others. A sync would not do: where an
 * earlier one has failed, systems take what it was to write for written, and read it from memory
 * until the machine stops.
 */
async function rewrite(disk: Disk, name: string, bytes: number): Promise<void> {
  const copy = `${name}.part`
  if ((await disk.list()).includes(copy)) {
    // A process that was killed has left its own, which must not come back under the other name.
    await disk.remove(copy)
    await disk.syncNames()
  }
  const file = await disk.create(copy)
  try {
    for (let at = 0; at < bytes; at += copiedBytesMax) {
      await file.append([await disk.read(name, at, Math.min(bytes, at + copiedBytesMax))])
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(copy, name)
  await disk.syncNames()
}

/** The chain of files that count, first to last, from the one that the log ends in. */
export async function chainTo(disk: Disk, last: number): Promise<Link[]> {
  const numbers = await segmentNumbers(disk)
  const chain: Link[] = []
  // What is lower than all that is there was trimmed; but the last one never is.
  const lowest = Math.min(last, numbers[0] ?? last)
  for (let number = last; number > 0 && number >= lowest; ) {
    if (!numbers.includes(number)) {
      const [after] = chain
      const known = after ? `, but ${segmentName(after.number)} goes on from it` : ''
      throw damaged(disk, number, 0, `it is missing${known}`)
    }
    const link = await readLink(disk, number)
    chain.unshift(link)
    if (link.previous >= number) throw damaged(disk, number, 0, 'it names no earlier file')
    number = link.previous
  }
  return chain
}

async function readLink(disk: Disk, number: number): Promise<Link> {
  const segment = reader(disk, number, beginPieceBytes)
  for await (const frame of segment.frames()) {
    const begin = beginIn(frame)
    if (begin) return { ...begin, number, recordsAt: frame.end }
    throw damaged(disk, number, frame.at, 'its first frame is of another kind')
  }
  throw damaged(disk, number, segment.ending.at, segment.ending.why || 'it has no frame')
}

/**
 * The frames of a file that count, without the one it begins with.
 *
 * @throws PeltonError `LOG_DAMAGED` where there are fewer than `count`
 */
export async function* countedFrames(
  disk: Disk,
  number: number,
  count: number,
): AsyncGenerator<Frame> {
  if (count === 0) return
  const segment = reader(disk, number)
  let seen = -1
  for await (const frame of segment.frames()) {
    if (++seen > 0) yield frame
    if (seen === count) return
  }
  const { at, why } = segment.ending
  const missing = `${count - Math.max(0, seen)} of ${count} acknowledged frames are missing`
  throw damaged(disk, number, at, `${why || 'it ends too early'}; ${missing}`)
}

/** The error of a log that has lost what was acknowledged. */
export function damaged(disk: Disk, number: number, at: number, why: string): PeltonError {
  return new PeltonError(
    `${disk.name}/${segmentName(number)} is damaged at byte ${at}: ${why}. Restore the file ` +
      'from a copy. Or, to go on without what is lost, move it and all later log files elsewhere',
    { code: 'LOG_DAMAGED' },
  )
}
