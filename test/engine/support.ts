/** A context on a ManualClock whose log is kept: what most tests of the engine start from. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BatchInfo, ManualClock, StreamingContext, type StreamingContextOptions } from 'pelton'
import { expect } from 'vitest'
import { sharedRuntime } from '../../src/context.ts'
import { Runtime } from '../../src/engine/runtime.ts'

export const intervalMs = 1000
const turnsMax = 10_000

export interface Rig {
  readonly ssc: StreamingContext
  readonly clock: ManualClock
  readonly warnings: string[]
  readonly errors: string[]
  /** One batch after the other: the clock goes on when nothing waits or runs. */
  tick(batches?: number): Promise<void>
}

/** A context on a ManualClock that shows 0, without handlers of signals. */
export function rig(options: Partial<StreamingContextOptions> & object = {}): Rig {
  const warnings: string[] = []
  const errors: string[] = []
  const clock = new ManualClock(0)
  const ssc = new StreamingContext({
    batchInterval: intervalMs,
    clock,
    workers: 1,
    handleSignals: false,
    logger: { warn: text => warnings.push(text), error: text => errors.push(text) },
    ...options,
  })
  const tick = async (batches = 1): Promise<void> => {
    for (let i = 0; i < batches; i++) {
      clock.advance(ssc.batchInterval)
      await ssc.whenIdle()
    }
  }
  return { ssc, clock, warnings, errors, tick }
}

/** Workers that the contexts of one test file share; `check` is for after each test. */
export class SharedWorkers {
  readonly runtime: Runtime

  constructor(workers = 2) {
    this.runtime = new Runtime({ workers, poison: true })
  }

  rig(options: Partial<StreamingContextOptions> = {}): Rig {
    return rig({ ...options, [sharedRuntime]: this.runtime } as Partial<StreamingContextOptions>)
  }

  /** Programs stay for the next test; all other bytes of the arena must have been given back. */
  async check(): Promise<void> {
    const left = (): number => this.runtime.bytesInUse - this.runtime.programs.bytes
    // What a dead task had taken is given back when its thread has exited.
    for (let turns = 0; left() > 0 && turns < turnsMax; turns++) {
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(left(), 'bytes left in the arena').toBe(0)
  }

  async close(): Promise<void> {
    await this.runtime.close()
    expect(this.runtime.arena.bytesInUse()).toBe(0)
  }
}

/** Files that do not exist yet: how attempts in different threads know of each other. */
export class FreshFiles {
  readonly directory = mkdtempSync(join(tmpdir(), 'pelton-'))
  #count = 0

  /** Path of another one. */
  next(): string {
    return join(this.directory, `once-${this.#count++}`)
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** The error that a promise rejects with; fails where it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<any> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('expected a rejection')
}

/** The error that a function throws; fails where it returns. */
export function thrown(run: () => unknown): any {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('expected an error')
}

/** Resolves with the next event of that name. */
export function nextBatch(ssc: StreamingContext): Promise<BatchInfo> {
  return new Promise(resolve => {
    const off = ssc.on('batchCompleted', batch => {
      off()
      resolve(batch)
    })
  })
}

/** A promise to settle by hand. */
export function gate(): { readonly opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

/** The line of this file on which a marker comment stands, from 1. */
export function lineOf(text: string, marker: string): number {
  const index = text.split('\n').findIndex(line => line.includes(`// here: ${marker}`))
  if (index < 0) throw new Error(`no marker ${marker}`)
  return index + 1
}
