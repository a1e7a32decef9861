/** Cuts what has arrived into partitions of about equal weight, in order of arrival. */
import { weightOf } from './block-store.ts'
import type { Piece } from './vector.ts'

const newline = 10
/** Below this weight another partition costs more than it brings. */
const partitionWeightMin = 4096
const textBytesPerWeight = 64

/**
 * Pieces of blocks and texts as at most `partitions` partitions. Blocks are cut between rows, texts
 * between lines (`bytes` is the memory in which they lie); the cuts depend on the pieces alone.
 */
export function divide(bytes: Buffer, pieces: readonly Piece[], partitions: number): Piece[][] {
  const total = weightOf(pieces)
  const count = Math.min(partitions, Math.max(1, Math.floor(total / partitionWeightMin)))
  const groups: Piece[][] = []
  let group: Piece[] = []
  let filled = 0
  let boundary = 1
  const close = (): void => {
    if (group.length > 0) groups.push(group)
    group = []
  }
  for (const piece of pieces) {
    let rest: Piece | undefined = piece
    while (rest) {
      while (boundary < count && filled >= (total * boundary) / count) {
        close()
        boundary++
      }
      const room = boundary < count ? (total * boundary) / count - filled : total
      const [head, tail]: [Piece, Piece?] = cutAt(bytes, rest, room)
      group.push(head)
      filled += weightOf([head])
      rest = tail
    }
  }
  close()
  return groups
}

/** The first rows of a piece, of about `weight` but at least one, and the others. */
function cutAt(bytes: Buffer, piece: Piece, weight: number): [Piece, Piece?] {
  const { from, to } = piece
  if (weightOf([piece]) <= weight) return [piece]
  let at = from + Math.max(1, Math.round(weight))
  if (piece.kind === 'text') {
    const end = bytes.indexOf(newline, from + Math.floor(weight * textBytesPerWeight))
    at = end < 0 ? to : end + 1
  }
  return at >= to
    ? [piece]
    : [
        { ...piece, to: at },
        { ...piece, from: at },
      ]
}
