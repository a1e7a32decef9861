/** What RDDs and streams of one context share: where jobs run and who pays for what they keep. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Caller, PeltonError } from '../errors.ts'
import { type Holdings, RddNode, type Step } from './dag.ts'
import type { Runtime } from './runtime.ts'
import type { Scheduler } from './scheduler.ts'

/**
 * The life of RDDs made in one callback, or in the whole context: when it ends, what they keep is
 * given back, and using one of them is an error.
 */
export class RddScope {
  readonly batchTime: number | undefined
  /** The call that actions are made for, where it is not the caller's own. */
  readonly caller: Caller | undefined
  readonly #what: string
  #nodes: RddNode[] = []
  #ended = false

  constructor(what: string, batchTime?: number, caller?: Caller) {
    this.#what = what
    this.batchTime = batchTime
    this.caller = caller
  }

  adopt(node: RddNode): RddNode {
    this.check()
    this.#nodes.push(node)
    return node
  }

  check(): void {
    if (!this.#ended) return
    throw new PeltonError(
      `this RDD belongs to ${this.#what}, which has ended, and its blocks have been given back. ` +
        'Finish with it before the function returns (or the promise it returns settles), ' +
        'or collect() the rows you want to keep',
      { code: 'RDD_EXPIRED', ...(this.batchTime !== undefined && { batchTime: this.batchTime }) },
    )
  }

  /** Hands the nodes to someone else, who will forget them. */
  take(): readonly RddNode[] {
    return this.#nodes.splice(0)
  }

  end(): void {
    this.#ended = true
    for (const node of this.#nodes.splice(0)) node.forget()
  }
}

/**
 * The scope of RDDs that belong to no callback. They last as long as the program can reach them;
 * what they keep is given back after that, and at the latest when the context stops.
 */
export class ContextScope extends RddScope {
  #held = new Set<Holdings>()
  #unreachable = new FinalizationRegistry<Holdings>(holdings => {
    if (this.#held.delete(holdings)) holdings.release()
  })

  /** @param owner the class of the context */
  constructor(owner: string) {
    super(`a ${owner} that was stopped`)
  }

  override adopt(node: RddNode): RddNode {
    this.check()
    node.keepsExchange = false
    this.#held.add(node.holdings)
    this.#unreachable.register(node, node.holdings)
    return node
  }

  override end(): void {
    super.end()
    for (const holdings of this.#held) holdings.release()
    this.#held.clear()
  }
}

const currentScope = new AsyncLocalStorage<RddScope>()

export interface Session {
  /** Class of the context, for messages. */
  readonly owner: string
  readonly runtime: Runtime
  readonly scheduler: Scheduler
  /** Default number of partitions: a constant, never the number of cores. */
  readonly partitions: number
  readonly scope: RddScope
}

/** The scope that new RDDs belong to: the running callback's, or else the context's. */
export function activeScope(session: Session): RddScope {
  return currentScope.getStore() ?? session.scope
}

/** Runs a callback of the user's with a scope of its own. */
export function inScope<T>(scope: RddScope, run: () => T): T {
  return currentScope.run(scope, run)
}

/** A new node in the scope of its inputs' callback. */
export function derived(scope: RddScope, step: Step, inputs: readonly RddNode[]): RddNode {
  return scope.adopt(new RddNode({ step, inputs }))
}
