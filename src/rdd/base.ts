/** What the methods of an RDD share: how a call becomes a node, and how rows are read. */
import { type Call, callOf, partitionsOption, stepOf } from '../apply.ts'
import { Block } from '../columnar/block.ts'
import type { RddNode } from '../engine/dag.ts'
import type { Operator, Params } from '../engine/operator.ts'
import type { HeldRows, RunOptions } from '../engine/scheduler.ts'
import { activeScope, derived, type RddScope, type Session } from '../engine/session.ts'
import { linesOf, type Piece } from '../engine/vector.ts'
import { misused, preview } from '../errors.ts'
import type { RDD } from '../rdd.ts'

const decodeRowsMax = 4096

/** An RDD without operators. */
export abstract class RddBase<T> {
  /** For the engine's own use. */
  readonly node: RddNode
  protected readonly session: Session
  protected readonly scope: RddScope
  #name: string | undefined

  constructor(session: Session, node: RddNode, scope: RddScope = activeScope(session)) {
    this.session = session
    this.node = node
    this.scope = scope
  }

  /** A number that no other RDD of the process has. */
  get id(): number {
    return this.node.id
  }

  /** What `setName` said. */
  get name(): string | undefined {
    return this.#name
  }

  /** Gives the RDD a name, by which messages call it. @example rdd.setName('clicks') */
  setName(name: string): this {
    if (typeof name !== 'string' || name === '') {
      throw misused(callOf('setName'), `needs a text that is not empty; got ${preview(name)}`)
    }
    this.#name = name
    return this
  }

  /** How messages call it. */
  protected get called(): string {
    return this.#name === undefined ? 'an RDD' : `the RDD ${this.#name}`
  }

  /** Throws unless the RDD may be used by that context, now. For the engine's own use. */
  checkUsable(session: Session, call: Call): void {
    this.scope.check()
    if (session === this.session) return
    throw misused(
      call,
      `got an RDD of another ${this.session.owner}: the RDDs have different contexts. collect() ` +
        'its rows, and parallelize() them here',
    )
  }

  /** Throws unless the other is an RDD that this one can be brought together with. */
  protected usableWith(other: unknown, call: Call): void {
    this.scope.check()
    if (!(other instanceof RddBase)) throw misused(call, `needs an RDD; got ${preview(other)}`)
    other.checkUsable(this.session, call)
  }

  /** The RDD behind an operator without settings. For the engine's own use. */
  through<U>(call: Call, operator: Operator): RDD<U> {
    return this.applied(call, operator)
  }

  protected applied<U>(
    call: Call,
    operator: Operator,
    params: Params = {},
    fns: Function[] = [],
  ): RDD<U> {
    this.scope.check()
    const scope = activeScope(this.session)
    const node = derived(scope, stepOf(call, operator, params, fns), [this.node])
    return this.made<U>(node, scope)
  }

  /** An operator in two halves: where the rows lie, and where they meet. */
  protected halved<U>(
    call: Call,
    operator: Operator,
    params: Params,
    local: Function[],
    final: Function[],
  ): RDD<U> {
    return this.applied<T>(call, operator, { ...params, local: true }, local).applied<U>(
      call,
      operator,
      { ...params, local: false },
      final,
    )
  }

  protected partitionsOf(label: string, partitions: number | undefined): number {
    return partitionsOption(label, partitions, this.session.partitions)
  }

  protected async held(options: RunOptions = {}): Promise<HeldRows> {
    this.scope.check()
    return await this.session.scheduler.run(this.node, this.scope.batchTime, options)
  }

  protected async rows(limit?: number): Promise<T[]> {
    const dataset = await this.held(limit === undefined ? {} : { limit })
    try {
      return this.decoded(dataset.partitions.flat(), limit)
    } finally {
      dataset.release()
    }
  }

  /** The rows of pieces that lie in the arena, at most `most`. */
  protected decoded(pieces: readonly Piece[], most: number = Number.POSITIVE_INFINITY): T[] {
    const rows: T[] = []
    for (const piece of pieces) {
      if (rows.length >= most) return rows
      if (piece.kind === 'block') {
        const block = Block.open(this.session.runtime.arena, piece.ptr)
        const end = Math.min(piece.to, piece.from + (most - rows.length))
        for (let at = piece.from; at < end; at += decodeRowsMax) {
          const values = block.decode(at, Math.min(end, at + decodeRowsMax))
          for (let i = 0; i < values.length; i++) rows.push(values[i] as T)
        }
      } else if (piece.kind === 'text') {
        const bytes = Buffer.from(this.session.runtime.arena.u8.slice(piece.from, piece.to))
        for (const line of linesOf(bytes.toString('utf8'))) {
          if (rows.length < most) rows.push(line as T)
        }
      }
    }
    return rows
  }

  /** How many rows are kept in blocks; undefined when they are not all in blocks. */
  protected async keptRows(): Promise<number | undefined> {
    const held = await this.held()
    try {
      const pieces = held.partitions.flat()
      if (!pieces.every(piece => piece.kind === 'block')) return undefined
      return pieces.reduce((rows, piece) => rows + piece.to - piece.from, 0)
    } finally {
      held.release()
    }
  }

  /** An RDD of the same context. */
  protected abstract made<U>(node: RddNode, scope: RddScope): RDD<U>

  /** An RDD of a node that was put together, and of those it owns. */
  protected adopted<U>(node: RddNode): RDD<U> {
    const scope = activeScope(this.session)
    for (const inner of node.owned) scope.adopt(inner)
    return this.made<U>(scope.adopt(node), scope)
  }
}
