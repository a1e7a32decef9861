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
    const own = hashOf([operator.name, params, node.slide])
    const lineage = hashOf([label, own, node.parents.map(parent => found.get(parent)!.lineage)])
    const title = place ? `${label} at ${place.file}:${place.line}` : label
    found.set(node, { name: names.get(node)!, title, own, lineage })
  }
  return found
}

const hashDigits = 16

function hashOf(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, hashDigits)
}
