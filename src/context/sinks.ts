/** The sinks of a context, from the first to the last of its batches. */
import type { Call } from '../apply.ts'
import type { SinkInfo, SinkOutput } from '../engine/sink.ts'
import { misused } from '../errors.ts'

/** A sink that has a stream: the user's object, and what holds it. */
export interface UsedSink {
  readonly of: object
  readonly output: SinkOutput<any, any>
}

/** Opened and closed in order of definition. */
export class ContextSinks {
  /** By number of the output. */
  readonly #sinks = new Map<number, UsedSink>()

  /** Throws where the sink has a stream: it would be opened twice, and get each time twice. */
  add(call: Call, sink: UsedSink, output: number): void {
    if ([...this.#sinks.values()].some(other => other.of === sink.of)) {
      throw misused(call, 'got a sink that has a stream already; make another sink, or a union()')
    }
    this.#sinks.set(output, sink)
  }

  /** Gives the time of the last batch that counts in one of them, in milliseconds. */
  async open(info: Omit<SinkInfo, 'output'>): Promise<number> {
    let last = 0
    for (const [output, sink] of this.#sinks) {
      last = Math.max(last, await sink.output.open({ ...info, output }))
    }
    return last
  }

  /** Closes those that were opened; what goes wrong with one must not keep others open. */
  async close(warn: (message: string) => void): Promise<void> {
    for (const { output } of this.#sinks.values()) {
      await output.close().catch(error => warn(`stop: ${String(error)}`))
    }
  }
}
