/**
 * The dag in two forms: stream nodes live as long as the context, RDD nodes are the same at one
 * time. Planning and running know RDD nodes only.
 */
import type { Place } from '../errors.ts'
import type { FunctionHandle, PortableFunction } from '../functions/index.ts'
import type { Dataset } from './block-store.ts'
import type { Operator, Params, Partitioner } from './operator.ts'
import type { BuiltinFunction } from './program.ts'
import type { StateStore } from './state-store.ts'

/** A function of a step: the user's, analysed, or one of the engine's own by name. */
export type StepFunction = FunctionHandle | BuiltinFunction

/** What one operator of the user's program does: shared by all its RDD nodes. */
export class Step {
  readonly operator: Operator
  readonly params: Params
  readonly functions: readonly StepFunction[]
  readonly place: Place | undefined
  /** Name as the user wrote it, for messages: `reduceByKey` for both its halves. */
  readonly label: string
  /** Values read at start, or when the step first runs. */
  portable: readonly (PortableFunction | BuiltinFunction)[] | undefined

  constructor(
    operator: Operator,
    params: Params,
    functions: readonly StepFunction[],
    place: Place | undefined,
    label: string,
  ) {
    this.operator = operator
    this.params = params
    this.functions = functions
    this.place = place
    this.label = label
  }
}

/** Computes a stream's input for a batch; null when there is no RDD at that time. */
export interface SourceNode {
  readonly name: string
  compute(time: number): Promise<RddNode | null> | RddNode | null
}

/** A result that a node needed: which parent's, of which time. */
export interface Needed {
  /** Index of the parent; -1 for the node's own earlier results. */
  readonly parent: number
  readonly time: number
  readonly rdd: RddNode
}

/** Builds the sub-dag of one batch: transform and the like. */
export type Expand = (
  time: number,
  inputs: readonly RddNode[],
  needed: readonly Needed[],
  /** When the stream began: there are results after it only. */
  zeroTime: number,
) => Promise<RddNode> | RddNode

let nodeIds = 0

/** An operator over time. */
export class StreamNode {
  readonly id: number = ++nodeIds
  readonly parents: readonly StreamNode[]
  readonly step: Step
  readonly slide: number
  readonly source: SourceNode | undefined
  readonly expand: Expand | undefined
  /** Results by time, kept until `rememberMs` have passed. */
  readonly generated = new Map<number, Promise<RddNode | null>>()
  rememberMs = 0
  /** The same, where all who keep rows that were made of it have them. */
  briefMs = 0
  /** Nodes that keep rows which are made of its own, once they are asked for. */
  readonly lazyReaders: StreamNode[] = []
  /** Times whose rows have been computed, or are none, among those of `generated`. */
  readonly computed = new Set<number>()
  /** Whether an output depends on it. */
  isRead = false
  persisted = false
  /** States by key that its batches write. */
  states: StateStore | undefined
  /** The result of the last batch that has ended, of a node that goes on from its own. */
  committed: { readonly time: number; readonly dataset: Dataset } | undefined

  constructor(init: {
    parents: readonly StreamNode[]
    step: Step
    slide: number
    source?: SourceNode
    expand?: Expand
  }) {
    this.parents = init.parents
    this.step = init.step
    this.slide = init.slide
    this.source = init.source
    this.expand = init.expand
  }
}

/** Makes a result the one that views of the node show. */
export function commit(node: StreamNode, time: number, dataset: Dataset | undefined): void {
  const before = node.committed
  if (before && time < before.time) return
  node.committed = dataset && { time, dataset: dataset.retain() }
  before?.dataset.release()
}

/**
 * What an RDD node keeps in the arena; apart from the node, so that it can outlive it by a
 * moment.
 */
export class Holdings {
  /** Rows of a leaf, or of a persisted node once it has been computed. */
  dataset: Promise<Dataset> | undefined
  /** Output of the exchange in front of the node. */
  exchanged: Promise<Dataset> | undefined
  /** By input: its rows laid beside those of the others, where they did not lie so. */
  laid: (Promise<Dataset> | undefined)[] = []

  release(): void {
    this.dataset?.then(d => d.release(), ignore)
    this.dataset = undefined
    this.releaseExchanged()
  }

  releaseExchanged(): void {
    this.exchanged?.then(d => d.release(), ignore)
    this.exchanged = undefined
    for (const dataset of this.laid.splice(0)) dataset?.then(d => d.release(), ignore)
  }
}

/** Failures were already reported to whoever waited for the dataset. */
function ignore(): void {}

/** An operator at one time: a value of the lineage. */
export class RddNode {
  readonly id: number = ++nodeIds
  readonly step: Step
  #inputs: readonly RddNode[]
  /** How the rows lie, where their keys put them. */
  partitioner: Partitioner | undefined
  readonly holdings = new Holdings()
  persisted = false
  /** States by key that it writes, or reads. */
  states: StateStore | undefined
  /** Nodes that must have been computed before it: they write what it finds, or read it. */
  after: readonly RddNode[] = []
  /** Whether the output of the exchange serves several jobs; someone forgets the node soon. */
  keepsExchange = true
  /** Batch time that its kernel is told, in milliseconds, where it asks for it. */
  time: number | undefined
  /** The side of each input, where they come side by side. */
  sides: readonly number[] = []
  /** Nodes that live and die with this one: what a transform's function made on the way. */
  owned: readonly RddNode[] = []
  readonly #load: (() => Dataset) | undefined
  #partitions: number | undefined

  constructor(init: {
    step: Step
    inputs: readonly RddNode[]
    load?: () => Dataset
    dataset?: Dataset
  }) {
    this.step = init.step
    this.#inputs = init.inputs
    this.#load = init.load
    if (init.dataset) this.holdings.dataset = Promise.resolve(init.dataset)
    this.#partitions = init.dataset?.partitions.length
    this.partitioner = partitionerOf(init.step, init.inputs)
  }

  get inputs(): readonly RddNode[] {
    return this.#inputs
  }

  /** Makes the rows of a leaf when they are first needed. */
  loaded(): Promise<Dataset> | undefined {
    if (!this.holdings.dataset && this.#load) {
      const dataset = this.#load()
      this.#partitions = dataset.partitions.length
      this.holdings.dataset = Promise.resolve(dataset)
    }
    return this.holdings.dataset
  }

  /** How many partitions the rows lie in; to know it, leaves are loaded. */
  get partitions(): number {
    if (this.#partitions === undefined && this.#load) this.loaded()
    this.#partitions ??= this.#partitionsOfPact()
    return this.#partitions
  }

  #partitionsOfPact(): number {
    const pact = this.step.operator.pact?.(this.step.params)
    if (pact && 'partitioner' in pact) return pact.partitioner.partitions
    if (pact?.how === 'gathered') return 1
    const counts = this.#inputs.map(input => input.partitions)
    return pact?.how === 'aligned' ? (counts[0] ?? 0) : counts.reduce((all, n) => all + n, 0)
  }

  /** Whether the result, once computed, ends its lineage: as where each needs the one before. */
  endsLineage = false

  /** Asks for that; where the rows have been computed already, they end it now. */
  endLineage(): void {
    this.endsLineage = true
    this.holdings.dataset?.then(() => this.computed(), ignore)
  }

  /** Whether the rows have been computed; they may have been let go since. */
  isComputed = false

  #waiting: (() => void)[] = []

  /** Calls `tell` when the rows have been computed. */
  onComputed(tell: () => void): void {
    if (this.isComputed) tell()
    else this.#waiting.push(tell)
  }

  /** The rows lie in blocks for good: what they were made of is not needed any more. */
  computed(): void {
    this.isComputed = true
    for (const tell of this.#waiting.splice(0)) tell()
    this.after = []
    if (!this.endsLineage) return
    this.#partitions = this.partitions
    this.#inputs = []
  }

  /** Whether its rows are gone for good. */
  isForgotten = false

  /** Lets go of everything this node holds. Its inputs are released by those who made them. */
  forget(): void {
    this.isForgotten = true
    this.holdings.release()
    for (const node of this.owned) node.forget()
    this.owned = []
  }
}

function partitionerOf(step: Step, inputs: readonly RddNode[]): Partitioner | undefined {
  const pact = step.operator.pact?.(step.params)
  const { keepsPartitioner } = step.operator
  if (pact && 'partitioner' in pact) {
    return keepsPartitioner === false ? undefined : pact.partitioner
  }
  if (pact?.how === 'gathered') return undefined
  if (inputs.length === 1 && keepsPartitioner) return inputs[0]!.partitioner
  return undefined
}
