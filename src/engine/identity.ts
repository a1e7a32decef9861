/**
 * By what a checkpoint knows the streams of a program again: a name, and what the program says of
 * them. Functions are no part of it: they may be mended between two runs.
 */
import { createHash } from 'node:crypto'
import type { StreamNode } from './dag.ts'

export interface Identity {
  /** Label, operator, and a number in the order of definition: `window/window#0`. */
  readonly name: string
  /** What it is for people: `window at jobs/words.ts:12`. */
  readonly title: string
  /** Its operator and parameters; other ones can't go on from its results. */
  readonly own: string
  /** The same for everything that leads to it. */
  readonly lineage: string
}

/** The identity of every node, of which parents come first. */
export function identities(nodes: readonly StreamNode[]): Map<StreamNode, Identity> {
  const names = new Map<StreamNode, string>()
  const counts = new Map<string, number>()
  for (const node of [...nodes].sort((a, b) => a.id - b.id)) {
    const { label, operator } = node.step
    const kind = `${label}/${operator.name}`
    const number = counts.get(kind) ?? 0
    counts.set(kind, number + 1)
    names.set(node, `${kind}#${number}`)
  }
  const found = new Map<StreamNode, Identity>()
  for (const node of nodes) {
    const { label, operator, params, place } = node.step
    // Rows that lie in other partitions are the same rows.
    const own = hashOf([operator.name, { ...params, partitions: undefined }, node.slide])
    const from = node.parents.map(parent => found.get(parent)!.lineage)
    // Inputs are told apart by their number.
    const lineage = hashOf([from.length > 0 ? label : names.get(node), own, from])
    const title = place ? `${label} at ${place.file}:${place.line}` : label
    found.set(node, { name: names.get(node)!, title, own, lineage })
  }
  return found
}

/**
 * Which stream of a program is which of those that were saved: by its name where the same leads to
 * it, else the only one to which the same leads. What is left is taken in order, where it is as
 * many as were saved, so that what leads to a stream may change too.
 */
export function matched<N>(
  saved: readonly Identity[],
  nodes: ReadonlyMap<N, Identity>,
): Map<Identity, N> {
  const found = new Map<Identity, N>()
  const left = new Map(nodes)
  const take = (identity: Identity, candidates: readonly N[]): void => {
    if (candidates.length !== 1 || found.has(identity)) return
    found.set(identity, candidates[0]!)
    left.delete(candidates[0]!)
  }
  const among = (is: (now: Identity) => boolean): N[] =>
    [...left].filter(([, now]) => is(now)).map(([node]) => node)
  for (const one of saved) {
    take(
      one,
      among(now => now.name === one.name && now.lineage === one.lineage),
    )
  }
  for (const one of saved) {
    if (found.has(one)) continue
    take(
      one,
      among(now => kindOf(now) === kindOf(one) && now.lineage === one.lineage),
    )
  }
  const rest = Map.groupBy(
    saved.filter(one => !found.has(one)),
    kindOf,
  )
  for (const [kind, ones] of rest) {
    const others = among(now => kindOf(now) === kind)
    if (others.length !== ones.length) continue
    for (const [i, one] of ones.sort(byNumber).entries()) take(one, [others[i]!])
  }
  return found
}

const numberAt = ({ name }: Identity): number => name.lastIndexOf('#')
const kindOf = (one: Identity): string => one.name.slice(0, numberAt(one))
const numberOf = (one: Identity): number => Number(one.name.slice(numberAt(one) + 1))
const byNumber = (a: Identity, b: Identity): number => numberOf(a) - numberOf(b)

const hashDigits = 16

function hashOf(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, hashDigits)
}
