/**
 * The states of an operator, for as long as its stream runs: a table for each partition. One batch
 * writes at a time; what it has written is what views show once it is committed, and is undone
 * where its stage fails.
 *
 *   written ─▶ sealed ─ batch ends, or the next begins ─▶ committed
 *      └─ failed ─▶ as it was
 */
import type { Arena } from '../columnar/arena.ts'
import { type KernelExports, openKernels } from '../columnar/kernels.ts'
import { hashKey } from '../columnar/keys.ts'
import { PeltonError } from '../errors.ts'
import { commitTable, createTable, freeTable, setSaved, undoTable } from '../state/table-log.ts'
import { entriesOf, headerOf, TableReader } from '../state/table-reader.ts'
import { type Dataset, storeOwner } from './block-store.ts'
import type { RddNode } from './dag.ts'
import type { Params } from './operator.ts'

/** Runs a stage with these tables, one a partition. */
type Run = (tables: readonly number[]) => Promise<Dataset>

export class StateStore {
  readonly partitions: number
  readonly params: Params
  #arena: Arena | undefined
  #kernels: KernelExports | undefined
  #tables: number[] = []
  /** What the headers said when they were committed: where views look. */
  #headers: Uint32Array[] = []
  /** Time of the last batch that has written, and of the last one that is committed. */
  #written: number | undefined
  #committed: number | undefined
  #isRunning = false
  #isReleased = false
  /** Iterations that still read what lay in the heap when they began. */
  #iterations = 0
  /** Chunks that only they may still read. */
  #unread: number[] = []

  /** @param params of the step that writes them: what its states live by */
  constructor(partitions: number, params: Params = {}) {
    this.partitions = partitions
    this.params = params
  }

  /** Time of the batch whose states views show, in milliseconds. */
  get time(): number | undefined {
    return this.#isReleased ? undefined : this.#committed
  }

  /**
   * Runs the stage of a node that writes the states of its time, or reads them.
   *
   * @throws PeltonError `FORGOTTEN` where later states have taken the place of those.
   */
  async run(arena: Arena, node: RddNode, run: Run): Promise<Dataset> {
    const { kernel } = node.step.operator
    const time = node.time!
    if (kernel?.form === 'states' && kernel.access === 'read') {
      if (time !== this.#written) throw overwritten(node, this.#written)
      return await run(this.#tables)
    }
    if (this.#written !== undefined && time <= this.#written) throw overwritten(node, this.#written)
    this.commit()
    this.#arena = arena
    while (this.#tables.length < this.partitions) {
      this.#tables.push(createTable(arena, storeOwner))
    }
    this.#isRunning = true
    try {
      const dataset = await run(this.#tables)
      this.#written = time
      return dataset
    } catch (error) {
      for (const table of this.#tables) undoTable(arena, table, true)
      throw error
    } finally {
      this.#isRunning = false
      if (this.#isReleased) this.#free()
    }
  }

  /** Lets views show what the last batch has written. */
  commit(): void {
    if (this.#isRunning || this.#written === this.#committed) return
    for (const table of this.#tables) {
      commitTable(this.#arena!, table, chunk => this.#letGo(chunk))
    }
    this.#headers = this.#tables.map(table => headerOf(this.#arena!, table))
    this.#committed = this.#written
  }

  /**
   * Notes that the states up to a time have been saved elsewhere: what changes from here on is
   * known to have. -Infinity: none of them has. Nobody may write meanwhile.
   */
  saved(time: number): void {
    for (const table of this.#tables) setSaved(this.#arena!, table, time)
  }

  #letGo(chunk: number): void {
    if (this.#iterations > 0) this.#unread.push(chunk)
    else this.#arena!.free(chunk)
  }

  /** How many keys have a state. */
  get size(): number {
    return this.#readers().reduce((sum, { size }) => sum + size, 0)
  }

  #readers(): TableReader[] {
    return this.time === undefined ? [] : this.#tables.map((_, p) => this.#reader(p))
  }

  #reader(partition: number): TableReader {
    return new TableReader(this.#arena!, this.#headers[partition]!, this.#tables[partition]!)
  }

  /** The table where a key is, if any. */
  #readerOf(key: unknown): TableReader | undefined {
    return this.time === undefined ? undefined : this.#reader(hashKey(key) % this.partitions)
  }

  get #finder(): KernelExports {
    return (this.#kernels ??= openKernels(this.#arena!.handle().memory))
  }

  /** The state of a key, or undefined. */
  get(key: unknown): unknown {
    return this.#readerOf(key)?.get(key, this.#finder, storeOwner)
  }

  /** Whether a key has a state; it may be undefined. */
  has(key: unknown): boolean {
    return this.#readerOf(key)?.has(key, this.#finder, storeOwner) ?? false
  }

  /** Pairs of key and state as they are now, whatever is committed while they are read. */
  *entries(): Generator<[key: unknown, state: unknown]> {
    const copies = this.#readers().map(reader => reader.copy())
    this.#iterations++
    try {
      for (const copy of copies) {
        for (const entry of entriesOf(this.#arena!, copy)) {
          yield [entry[0], entry[1]]
          if (this.#isReleased) return
        }
      }
    } finally {
      if (--this.#iterations === 0) {
        for (const chunk of this.#unread.splice(0)) this.#arena!.free(chunk)
      }
    }
  }

  /** Gives everything back, once nobody writes. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    if (!this.#isRunning) this.#free()
  }

  #free(): void {
    for (const table of this.#tables.splice(0)) freeTable(this.#arena!, table)
    for (const chunk of this.#unread.splice(0)) this.#arena!.free(chunk)
  }
}

function overwritten({ step: { label, place }, time }: RddNode, now: number | undefined) {
  return new PeltonError(
    `the states of ${label} at ${time} ms are gone: those of ${now} ms have taken their place. ` +
      'Use the rows within their batch, or persist what is made of them',
    { code: 'FORGOTTEN', operator: label, ...(place && { place }) },
  )
}
