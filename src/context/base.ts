/**
 * What every context is made of: workers, arena and scheduler, begun when they are first needed,
 * and collections of the program's own as RDDs.
 */
import { callOf, partitionsOption, pathOption, stepOf } from '../apply.ts'
import { refuseInWorkers, stopped } from '../context-errors.ts'
import { Dataset } from '../engine/block-store.ts'
import { giveWay } from '../engine/clock.ts'
import { type Collection, checkCollection, parallelize } from '../engine/collection.ts'
import { RddNode } from '../engine/dag.ts'
import { EventBus } from '../engine/events.ts'
import type { Placement } from '../engine/placement.ts'
import { Runtime } from '../engine/runtime.ts'
import { Scheduler } from '../engine/scheduler.ts'
import { activeScope, ContextScope, type Session } from '../engine/session.ts'
import { filesOf } from '../files.ts'
import { builtins } from '../ops/builtins.ts'
import * as ops from '../ops/index.ts'
import type { BatchContextOptions, BatchSettings } from '../options.ts'
import { RDD } from '../rdd.ts'
import { rangesOf } from '../receivers/index.ts'

/** Hooks for tests of the project: contexts that share a runtime, and who closes it. */
export const sharedRuntime: unique symbol = Symbol('pelton.sharedRuntime')
/** Where all stages of a context go, whatever they cost. */
export const forcedPlacement: unique symbol = Symbol('pelton.forcedPlacement')

/** How many rows of a partition its kernels may hold. */
export const partRows: unique symbol = Symbol('pelton.partRows')

/** What a context goes on from, and what takes the same from it. */
export const restoredFrom: unique symbol = Symbol('pelton.restoredFrom')
export const takeSnapshot: unique symbol = Symbol('pelton.takeSnapshot')

interface Hooks {
  readonly [sharedRuntime]?: Runtime
  readonly [forcedPlacement]?: Placement
  readonly [partRows]?: number
}

/** A context without a clock: it makes RDDs and runs their actions. */
export abstract class ContextBase {
  /** Name of the job in messages. */
  readonly name: string
  protected readonly events = new EventBus()
  readonly #owner: string
  readonly #settings: BatchSettings
  readonly #options: BatchContextOptions & Hooks
  readonly #scope: ContextScope
  #runtime: Runtime | undefined
  #session: Session | undefined
  #unwatched: (() => void)[] = []

  /** @param owner the class's name in messages */
  constructor(owner: string, settings: BatchSettings, options: BatchContextOptions) {
    this.name = settings.name
    this.#owner = owner
    this.#settings = settings
    this.#options = options
    this.#scope = new ContextScope(owner)
    this.#runtime = this.#options[sharedRuntime]
    this.events.on('warning', ({ message }) => settings.logger.warn(message))
  }

  /** Whether it is too late for a session to begin. */
  protected abstract get isStopped(): boolean

  /** Default number of partitions: a constant, never the number of cores. */
  get partitions(): number {
    return this.#settings.partitions
  }

  /** Workers, arena and scheduler, made when first needed. For the engine's own use. */
  get session(): Session {
    if (this.#session) return this.#session
    if (this.isStopped) throw stopped(this.#owner)
    refuseInWorkers(this.#owner)
    this.#runtime ??= new Runtime({
      workers: this.#options.workers,
      memory: this.#options.memory,
      workerHeapMb: this.#options.workerHeap,
    })
    const runtime = this.#runtime
    const { partitions } = this.#settings
    const placement = this.#options[forcedPlacement]
    const kit = { operators: ops.operators, builtins }
    const rows = this.#options[partRows]
    const options = { ...this.#settings, kit, placement, partRows: rows }
    const scheduler = new Scheduler(runtime, this.events, options)
    this.#unwatched.push(
      runtime.events.on('warning', event => this.events.emit('warning', event)),
      runtime.events.on('workerExited', event => this.events.emit('workerExited', event)),
    )
    const scope = this.#scope
    this.#session = { owner: this.#owner, runtime, scheduler, partitions, scope }
    return this.#session
  }

  /** The session, where one has begun. */
  protected get begun(): Session | undefined {
    return this.#session
  }

  /** Ends the RDDs that belong to no callback; gives back workers and arena that are its own. */
  protected async endSession(): Promise<void> {
    try {
      this.#scope.end()
      // Datasets are released in promise reactions; let those run before the balance is looked at.
      await giveWay()
      await this.#session?.scheduler.losers.end()
      if (!this.#options[sharedRuntime]) await this.#runtime?.close()
    } finally {
      for (const unwatch of this.#unwatched.splice(0)) unwatch()
    }
  }

  /**
   * A collection of the program's own as an RDD: an array; a Float64Array of numbers; `{ pairs }`,
   * two Float64Arrays of keys and values; `{ text }`, UTF-8 lines.
   *
   * @example ssc.parallelize([1, 2, 3])
   */
  parallelize<T = number>(data: Float64Array, partitions?: number): RDD<T>
  parallelize<T = [number, number]>(
    data: { readonly pairs: readonly [Float64Array, Float64Array] },
    partitions?: number,
  ): RDD<T>
  parallelize<T = string>(data: { readonly text: Uint8Array }, partitions?: number): RDD<T>
  parallelize<T>(data: readonly T[], partitions?: number): RDD<T>
  parallelize<T>(data: Collection<T>, partitions?: number): RDD<T> {
    const count = partitionsOption('parallelize', partitions, this.partitions)
    checkCollection(data, 'parallelize')
    const { session } = this
    return this.#leaf('parallelize', () => parallelize(session.runtime.arena, data, count))
  }

  /** An RDD without rows. */
  emptyRDD<T = never>(): RDD<T> {
    return this.parallelize<T>([], 1)
  }

  /**
   * Lines of a text file, of all files of a directory, or of a pattern.
   *
   * @example ssc.textFile('in/*.txt')
   */
  textFile(path: string, partitions?: number): RDD<string> {
    const count = partitionsOption('textFile', partitions, this.partitions)
    pathOption('textFile', 'path', path)
    const { session } = this
    return this.#leaf('textFile', () => {
      const pieces = rangesOf(filesOf(path), count)
      return new Dataset(
        session.runtime.arena,
        pieces.map(piece => [piece]),
        [],
      )
    })
  }

  /**
   * The rows that `saveAsObjectFile` wrote to a directory, to a file of it, or to what a pattern
   * names: one partition a file.
   *
   * @example ssc.objectFile<Session>('out/sessions')
   */
  objectFile<T>(path: string): RDD<T> {
    pathOption('objectFile', 'path', path)
    const { session } = this
    const paths = this.#leaf<string>('objectFile', () => {
      const files = filesOf(path).map(file => file.path)
      return parallelize(session.runtime.arena, files, Math.max(1, files.length))
    })
    return paths.through<T>(callOf('objectFile'), ops.loadObjects)
  }

  #leaf<T>(label: string, load: () => Dataset): RDD<T> {
    const scope = activeScope(this.session)
    const step = stepOf(callOf(label), ops.source)
    const node = scope.adopt(new RddNode({ step, inputs: [], load }))
    return new RDD<T>(this.session, node, scope)
  }
}
