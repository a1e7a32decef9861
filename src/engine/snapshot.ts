/**
 * What a program needs to go on after a batch, taken out of one context and put into another: the
 * results that later batches ask for, and the states by key. Rows are bytes, so a snapshot may be
 * written to a file as it is; no function is in it. The number of workers plays no part.
 *
 * ```text
 *   context A, batch t has ended                       context B, before its first batch
 *   results ─ encodeRows ─▶ bytes by partition ─ decodeRows ─▶ results of the past
 *   states ─ stateChanges ─▶ [key, [state, time]] ─▶ bytes ─▶ … ─ restoreStates ─▶ tables
 * ```
 */

import type { Arena } from '../columnar/arena.ts'
import { Block } from '../columnar/block.ts'
import { BlockBuilder } from '../columnar/builder.ts'
import { PeltonError } from '../errors.ts'
import { Dataset, storeOwner } from './block-store.ts'
import { commit, RddNode, Step, type StreamNode } from './dag.ts'
import { type Identity, identities, matched } from './identity.ts'
import { keptResults } from './kept.ts'
import type { Operator, Params, Partitioner } from './operator.ts'
import { instantiate, isRunning, lookBack, timesNeeded } from './plan.ts'
import type { Scheduler } from './scheduler.ts'
import type { Piece } from './vector.ts'

/** Rows as bytes: for each partition what `encodeRows` made of it. */
export interface EncodedRows {
  /** Emptied when the bytes lie in a file, so that they need not stay in memory. */
  partitions: readonly (readonly Uint8Array[])[]
  readonly bytes: number
  readonly partitioner: Partitioner | undefined
}

/** What a node's result of a time was. */
export interface SavedResult {
  readonly time: number
  /** `absent`: no RDD. `unread`: there was one, and nobody asks for its rows. */
  readonly rows: EncodedRows | 'absent' | 'unread'
}

/** What is kept of a node. */
export interface SavedNode {
  readonly identity: Identity
  readonly results: readonly SavedResult[]
  /** Its states by key, where it has any: all of them, and then what has changed, in turn. */
  readonly states: readonly EncodedRows[]
}

export interface Snapshot {
  /** Of the last batch that is in it, in milliseconds. */
  readonly time: number
  readonly zeroTime: number
  readonly intervalMs: number
  readonly nodes: readonly SavedNode[]
  /** Streams whose results are made of earlier ones: `nodes` holds what these ask for. */
  readonly windows: readonly Identity[]
}

/** Operators that turn rows and states into bytes and back. */
export interface SnapshotKit {
  readonly source: Operator
  readonly encodeRows: Operator
  readonly decodeRows: Operator
  readonly stateChanges: Operator
  readonly restoreStates: Operator
}

/** Where a snapshot is taken from, and put into. */
export interface SnapshotSite {
  readonly nodes: readonly StreamNode[]
  readonly scheduler: Scheduler
  readonly arena: Arena
  readonly kit: SnapshotKit
  readonly intervalMs: number
}

const label = 'checkpoint'
/** Changes on changes, until all states are taken anew; Spark's `deltaChainThreshold`. */
const changesMax = 20

/** Takes and restores the snapshots of one program. */
export class Snapshots {
  readonly #site: SnapshotSite
  readonly #identities: ReadonlyMap<StreamNode, Identity>
  /** By operator and parameters, so that each is compiled once. */
  readonly #steps = new Map<string, Step>()
  /** Results that earlier snapshots have taken: they never change. */
  #taken = new Map<StreamNode, Map<number, EncodedRows>>()
  #states = new Map<StreamNode, EncodedRows[]>()

  constructor(site: SnapshotSite) {
    this.#site = site
    this.#identities = identities(site.nodes)
  }

  #step(operator: Operator, params: Params = {}): Step {
    const key = `${operator.name} ${JSON.stringify(params)}`
    let step = this.#steps.get(key)
    if (!step) {
      step = new Step(operator, params, [], undefined, label)
      step.portable = []
      this.#steps.set(key, step)
    }
    return step
  }

  /** What the program needs after the batch at `time`; no batch may run meanwhile. */
  async take(time: number, zeroTime: number): Promise<Snapshot> {
    const { nodes, intervalMs } = this.#site
    const taken = new Map<StreamNode, Map<number, EncodedRows>>()
    const results = new Map<StreamNode, SavedResult[]>()
    for (const { node, time: at, rows: areRead } of keptResults(nodes, time, zeroTime)) {
      const rows = areRead ? await this.#rows(node, at, zeroTime) : 'unread'
      if (typeof rows !== 'string') put(taken, node, at, rows)
      const list = results.get(node)
      if (list) list.push({ time: at, rows })
      else results.set(node, [{ time: at, rows }])
    }
    this.#taken = taken
    const saved: SavedNode[] = []
    for (const node of nodes) {
      const states = await this.#statesOf(node)
      const own = results.get(node) ?? []
      if (own.length === 0 && states.length === 0) continue
      saved.push({ identity: this.#identities.get(node)!, results: own, states })
    }
    return { time, zeroTime, intervalMs, nodes: saved, windows: [...this.#windows().values()] }
  }

  /** Those that look back on results of their parents. */
  #windows(): Map<StreamNode, Identity> {
    const looksBack = (node: StreamNode): boolean => lookBack(node).parents.some(ms => ms > 0)
    return new Map([...this.#identities].filter(([node]) => looksBack(node)))
  }

  async #rows(node: StreamNode, time: number, zeroTime: number): Promise<EncodedRows | 'absent'> {
    const before = this.#taken.get(node)?.get(time)
    if (before) return before
    const rdd = await instantiate(node, time, zeroTime)
    return rdd ? await this.#encoded(rdd) : 'absent'
  }

  async #encoded(rdd: RddNode): Promise<EncodedRows> {
    const step = this.#step(this.#site.kit.encodeRows)
    return await this.#bytesOf(new RddNode({ step, inputs: [rdd] }), rdd)
  }

  /** The rows of `encoded`, which are bytes of those of `rdd`. */
  async #bytesOf(encoded: RddNode, rdd: RddNode): Promise<EncodedRows> {
    const { scheduler, arena } = this.#site
    const held = await scheduler.run(encoded, rdd.time)
    try {
      const partitions = held.partitions.map(pieces => bytesOf(arena, pieces))
      const bytes = partitions.flat().reduce((sum, piece) => sum + piece.length, 0)
      return { partitions, bytes, partitioner: rdd.partitioner }
    } finally {
      held.release()
    }
  }

  /** The states of a node, in parts: what earlier snapshots have taken, and what changed since. */
  async #statesOf(node: StreamNode): Promise<readonly EncodedRows[]> {
    const { states } = node
    if (states?.time === undefined) return []
    let before = this.#states.get(node) ?? []
    const changed = before.slice(1).reduce((sum, { bytes }) => sum + bytes, 0)
    if (before.length > changesMax || changed > (before[0]?.bytes ?? 0)) before = []
    if (before.length === 0) states.saved(Number.NEGATIVE_INFINITY)
    const step = this.#step(this.#site.kit.stateChanges, { partitions: states.partitions })
    const rdd = new RddNode({ step, inputs: [] })
    rdd.states = states
    rdd.time = states.time
    try {
      const changes = await this.#bytesOf(rdd, rdd)
      states.saved(states.time)
      const all = changes.bytes === 0 && before.length > 0 ? before : [...before, changes]
      this.#states.set(node, all)
      return all
    } catch (error) {
      // What has changed since is not known any more: the next one takes everything.
      this.#states.delete(node)
      throw error
    } finally {
      rdd.forget()
    }
  }

  /** Puts a snapshot in, before the first batch. */
  async restore(snapshot: Snapshot): Promise<void> {
    const { intervalMs } = this.#site
    if (snapshot.intervalMs !== intervalMs) {
      throw mismatch(
        `it was made with a batch interval of ${snapshot.intervalMs} ms, and this program has ` +
          `${intervalMs} ms`,
      )
    }
    const nodes = matched(
      snapshot.nodes.map(({ identity }) => identity),
      this.#identities,
    )
    const pairs = snapshot.nodes.map(saved => {
      const node = nodes.get(saved.identity)
      this.#check(saved, node)
      return [saved, node!] as const
    })
    const windows = matched(snapshot.windows, this.#windows())
    for (const [identity, node] of windows) this.#checkOwn(identity, this.#identities.get(node)!)
    for (const [saved, node] of pairs) {
      for (const { time, rows } of saved.results) {
        node.generated.set(time, Promise.resolve(await this.#result(time, rows)))
        if (typeof rows !== 'string') put(this.#taken, node, time, rows)
      }
      if (saved.states.length > 0) await this.#restoreStates(node, saved.states, snapshot.time)
      else if (isRunning(node) && saved.results.length > 0) await this.#show(node)
    }
    for (const node of windows.values()) this.#checkFed(node, snapshot)
  }

  /** What a window looks back on has to be there, or to be made of what is there. */
  #checkFed(window: StreamNode, { time, zeroTime }: Snapshot): void {
    const isThere = (node: StreamNode, at: number): boolean => {
      if (at <= zeroTime || node.generated.has(at)) return true
      const times = timesNeeded(node, at, zeroTime)
      return times.length > 0 && node.parents.every((p, i) => times[i]!.every(t => isThere(p, t)))
    }
    const kept = keptResults([window], time, zeroTime)
    if (kept.every(({ node, time: at, rows }) => !rows || isThere(node, at))) return
    throw this.#leadsElsewhere(window)
  }

  #leadsElsewhere(node: StreamNode): PeltonError {
    const { title } = this.#identities.get(node)!
    return mismatch(`the streams that lead to ${title} have changed`)
  }

  #check({ identity, results, states }: SavedNode, node: StreamNode | undefined): void {
    const { title } = identity
    if (!node) throw mismatch(`it holds what ${title} needs, and this program has no such stream`)
    const now = this.#identities.get(node)!
    this.#checkOwn(identity, now)
    // What a node goes on from is its own: what leads to it may change. A window's rows are not.
    if (
      isRunning(node) ||
      states.length > 0 ||
      results.every(({ rows }) => typeof rows === 'string')
    )
      return
    if (identity.lineage === now.lineage) return
    throw this.#leadsElsewhere(node)
  }

  #checkOwn({ own, title }: Identity, now: Identity): void {
    if (own === now.own) return
    throw mismatch(`${title} had other parameters than ${now.title} has now`)
  }

  async #result(time: number, rows: SavedResult['rows']): Promise<RddNode | null> {
    if (rows === 'absent') return null
    const { arena } = this.#site
    if (rows === 'unread') {
      const empty = new Dataset(arena, [], [])
      const rdd = new RddNode({
        step: this.#step(this.#site.kit.source),
        inputs: [],
        dataset: empty,
      })
      rdd.isComputed = true
      return rdd
    }
    const rdd = this.#decoded(rows)
    rdd.time = time
    rdd.endsLineage = true
    await this.#compute(rdd)
    return rdd
  }

  #decoded({ partitions, partitioner }: EncodedRows): RddNode {
    const { arena, kit } = this.#site
    const dataset = blocksOf(arena, partitions)
    const bytes = new RddNode({ step: this.#step(kit.source), inputs: [], dataset })
    const rdd = new RddNode({ step: this.#step(kit.decodeRows), inputs: [bytes] })
    rdd.partitioner = partitioner
    return rdd
  }

  /** Computes what was decoded; the bytes go back at once. */
  async #compute(rdd: RddNode): Promise<void> {
    const { inputs } = rdd
    try {
      await this.#site.scheduler.materialise(rdd)
    } finally {
      for (const input of inputs) input.forget()
    }
  }

  async #restoreStates(
    node: StreamNode,
    saved: readonly EncodedRows[],
    time: number,
  ): Promise<void> {
    const states = node.states!
    const inputs = saved.map(rows => this.#decoded(rows))
    const { partitions, params } = states
    const step = this.#step(this.#site.kit.restoreStates, { ...params, partitions })
    const rdd = new RddNode({ step, inputs })
    rdd.sides = inputs.map((_, side) => side)
    rdd.states = states
    rdd.time = time
    try {
      for (const input of inputs) await this.#compute(input)
      await this.#site.scheduler.materialise(rdd)
      states.commit()
      states.saved(time)
      this.#states.set(node, [...saved])
    } finally {
      rdd.forget()
      for (const input of inputs) input.forget()
    }
  }

  /** Has views show the last result of a node. */
  async #show(node: StreamNode): Promise<void> {
    const time = Math.max(...node.generated.keys())
    const rdd = await node.generated.get(time)!
    if (node.step.operator.needsOwn) commit(node, time, await rdd?.holdings.dataset)
  }
}

function put(
  all: Map<StreamNode, Map<number, EncodedRows>>,
  node: StreamNode,
  time: number,
  rows: EncodedRows,
): void {
  const byTime = all.get(node)
  if (byTime) byTime.set(time, rows)
  else all.set(node, new Map([[time, rows]]))
}

function mismatch(why: string): PeltonError {
  return new PeltonError(
    `the checkpoint does not fit the program: ${why}. Run the program that made it, or begin ` +
      'anew in an empty checkpoint directory',
    { code: 'CHECKPOINT_MISMATCH', operator: label },
  )
}

function bytesOf(arena: Arena, pieces: readonly Piece[]): Uint8Array[] {
  const found: Uint8Array[] = []
  for (const piece of pieces) {
    if (piece.kind !== 'block') throw new Error('encoded rows lie in blocks')
    const { ptr, from, to } = piece
    found.push(...(Block.open(arena, ptr).decode(from, to) as Uint8Array[]))
  }
  return found
}

/** A dataset of byte rows, a block a partition. */
function blocksOf(arena: Arena, partitions: EncodedRows['partitions']): Dataset {
  const chunks: number[] = []
  const pieces = partitions.map((rows): Piece[] => {
    if (rows.length === 0) return []
    const builder = new BlockBuilder()
    for (const row of rows) builder.append(row)
    const { ptr } = builder.seal(arena, storeOwner)
    chunks.push(ptr)
    return [{ kind: 'block', ptr, from: 0, to: rows.length }]
  })
  return new Dataset(arena, pieces, chunks)
}
