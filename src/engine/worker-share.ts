/** What revived functions reach beside their own data: broadcasts, accumulators, resources. */
import { deserialize } from 'node:v8'
import type { Arena } from '../columnar/arena.ts'
import { PeltonError, preview } from '../errors.ts'
import type { PortableFunction } from '../functions/portable.ts'
import { type ReviveHost, revive } from '../functions/revive.ts'
import { type AccumulatorDefinition, AccumulatorPart } from '../functions/shared.ts'
import type { AccumulatorUpdate, BroadcastRef } from './program.ts'

/** A worker's own instance of a resource; opened before the first task that needs it runs. */
class OwnResource {
  readonly #open: Function
  readonly #close: Function | undefined
  #value: unknown
  #opened = false

  constructor(open: Function, close: Function | undefined) {
    this.#open = open
    this.#close = close
  }

  get(): unknown {
    if (this.#opened) return this.#value
    throw new PeltonError('resource: get() was called before the resource was open', {
      code: 'RESOURCE',
    })
  }

  async open(): Promise<void> {
    if (this.#opened) return
    try {
      this.#value = await this.#open()
    } catch (error) {
      throw openFailed(error)
    }
    this.#opened = true
  }

  async close(): Promise<void> {
    if (!this.#opened) return
    this.#opened = false
    await this.#close?.(this.#value)
  }
}

function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function')
}

/** A message that can't be cloned would end the thread: what can't travel is said instead. */
function asUpdate(id: number, value: unknown): AccumulatorUpdate {
  if (isPrimitive(value)) return { id, value }
  try {
    structuredClone(value)
    return { id, value }
  } catch (error) {
    const failure = `${preview(value)} can't travel to the main thread: ${(error as Error).message}`
    return { id, value: undefined, failure }
  }
}

function openFailed(error: unknown): PeltonError {
  const reason = error instanceof Error ? error.message : preview(error)
  const failure = new PeltonError(`resource: its function that opens it failed: ${reason}`, {
    code: 'RESOURCE',
    operator: 'resource',
    cause: error,
  })
  if (error instanceof Error && error.stack) failure.stack = error.stack
  return failure
}

/** One thread's side of everything shared; the main thread's is in functions/shared.ts. */
export class WorkerShare implements ReviveHost {
  #arena: Arena
  #broadcasts = new Map<number, { readonly value: unknown }>()
  #accumulators = new Map<number, AccumulatorPart>()
  #resources = new Map<number, OwnResource>()

  constructor(arena: Arena) {
    this.#arena = arena
  }

  /** Reads broadcast values that this thread has not got yet. */
  async load(refs: readonly BroadcastRef[]): Promise<void> {
    for (const { id, ptr, bytes } of refs) {
      if (this.#broadcasts.has(id)) continue
      const portable = deserialize(this.#arena.u8.slice(ptr, ptr + bytes)) as PortableFunction
      this.#broadcasts.set(id, { value: await revive(portable, this) })
    }
  }

  broadcast(id: number): unknown {
    return this.#broadcasts.get(id)
  }

  accumulator(id: number, definition: AccumulatorDefinition): unknown {
    let part = this.#accumulators.get(id)
    if (!part) this.#accumulators.set(id, (part = new AccumulatorPart(id, definition)))
    return part
  }

  resource(id: number, open: Function, close: Function | undefined): unknown {
    let own = this.#resources.get(id)
    if (!own) this.#resources.set(id, (own = new OwnResource(open, close)))
    return own
  }

  /** Opens what is not open yet; a failure is tried again with the next task. */
  async ready(): Promise<void> {
    for (const resource of this.#resources.values()) await resource.open()
  }

  /** What the functions have added since the last call. */
  takeUpdates(): AccumulatorUpdate[] {
    const updates: AccumulatorUpdate[] = []
    for (const [id, part] of this.#accumulators) {
      for (const value of part.take()) updates.push(asUpdate(id, value))
    }
    return updates
  }

  /** Closes all resources; rejects with the first error, after it has tried every one. */
  async close(): Promise<void> {
    const open = [...this.#resources.values()]
    this.#resources.clear()
    const closed = await Promise.allSettled(open.map(resource => resource.close()))
    for (const result of closed) if (result.status === 'rejected') throw result.reason
  }
}
