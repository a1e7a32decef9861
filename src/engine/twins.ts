/**
 * Twins of tasks that take far longer than others of their stage: a worker that would have nothing
 * else to do begins the same task once more, and the first attempt that succeeds counts.
 *
 * ```
 *  worker 1  ▇▇▇ ▇▇▇ ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇────▶ dismissed: ends before its next vector of rows
 *  worker 2  ▇▇▇ ▇▇▇ ▇▇▇       ▇▇▇ the twin, which counts
 *                              └ most are done, and the task has run for more than 1.5 medians
 * ```
 * Obligations
 * - Of the caller: tasks that write states or act on what lies outside are not run here. What a
 *   task reads stays where it is until all of `left` have settled.
 * - Of this file: each attempt has chunks of its own. Those of the one that doesn't count are given
 *   back once, when it has ended. One that fails counts only where the other one has failed too.
 */
import type { Arena } from '../columnar/arena.ts'
import { type Cancel, giveWay, watchdog } from './clock.ts'
import type { SpeculationInfo } from './events.ts'
import type { Pool, Running, RunOptions } from './pool.ts'
import type { TaskMessage, TaskResult } from './program.ts'

/** When a task gets a twin. */
export interface SpeculationSettings {
  /** Share of the stage's tasks that must have ended. */
  readonly quantile: number
  /** How many medians of those it must have run, for as many rows as theirs. */
  readonly multiplier: number
  /** Milliseconds that it must have run in any case. */
  readonly minRuntimeMs: number
  /** For tests: every task has a twin from the beginning. */
  readonly always?: boolean
}

/** How often to look while too few tasks have ended, or no worker is idle. */
const looksPerMinRuntime = 4
const lookMsMin = 2
/** What ends by itself in that time need not cost its worker, when a context stops. */
const stopGraceMs = 20

/** Attempts that nobody waits for any more, of all stages of a context. */
export class Losers {
  readonly #arena: Arena
  readonly #ended = new Map<Running, Promise<void>>()
  /** Twins that were begun, and those that counted. */
  begun = 0
  won = 0

  constructor(arena: Arena) {
    this.#arena = arena
  }

  /** Dismisses an attempt; resolves when it has ended, and all that it took is given back. */
  add(running: Running): Promise<void> {
    running.dismiss()
    const free = ({ chunks }: TaskResult): void => {
      for (const chunk of chunks) this.#arena.free(chunk)
    }
    // One that failed has given back itself what it had taken; for one that died, the pool has.
    const ended = running.result.then(free, () => undefined)
    this.#ended.set(running, ended)
    return ended.finally(() => this.#ended.delete(running))
  }

  /** Ends them all, with their workers where it must be, and waits for that. */
  async end(): Promise<void> {
    for (const running of this.#ended.keys()) running.dismiss(stopGraceMs)
    await Promise.all(this.#ended.values())
  }
}

/** One task: its attempt, and the twin of that where it has one. */
interface Race {
  readonly task: TaskMessage
  readonly options: RunOptions
  readonly weight: number
  readonly won: PromiseWithResolvers<TaskResult>
  readonly running: Set<Running>
  first?: Running
  twin?: Running
}

/** What the tasks of a stage have to do with each other. */
export interface TwinTools {
  readonly pool: Pool
  readonly losers: Losers
  readonly settings: SpeculationSettings
  /** Called when a twin begins. */
  readonly onTwin: (info: SpeculationInfo) => void
}

/** The tasks of one stage. */
export class Twins {
  /** Each settles when an attempt that does not count has ended; complete when the stage is. */
  readonly left: Promise<void>[] = []
  readonly #tools: TwinTools
  readonly #tasks: number
  readonly #done: { readonly ms: number; readonly weight: number }[] = []
  readonly #races = new Set<Race>()
  #cancel: Cancel | undefined
  #isOver = false

  /** @param tasks how many there are in the stage */
  constructor(tasks: number, tools: TwinTools) {
    this.#tasks = tasks
    this.#tools = tools
    this.#lookIn(tools.settings.minRuntimeMs)
  }

  /** Runs a task as the pool does. `weight`: how much work it is, beside others of the stage. */
  run(task: TaskMessage, options: RunOptions, weight: number): Promise<TaskResult> {
    const won = Promise.withResolvers<TaskResult>()
    const race: Race = { task, options, weight, won, running: new Set() }
    this.#races.add(race)
    race.first = this.#begin(race, task, options)
    if (this.#tools.settings.always) this.#twin(race, 0, 0)
    // Only the second try of a task begins when nobody looks any more.
    if (!this.#cancel) this.#lookIn(this.#tools.settings.minRuntimeMs)
    return won.promise
  }

  /** No task of the stage runs any more, but those of `left`. */
  end(): void {
    this.#isOver = true
    this.#cancel?.()
  }

  #begin(race: Race, task: TaskMessage, options: RunOptions): Running {
    const running = this.#tools.pool.run(task, options)
    race.running.add(running)
    running.result.then(
      result => {
        const settle = (): void => race.won.resolve(result)
        this.#ended(race, running, result.failure === undefined, settle)
        if (!result.failure) this.#done.push({ ms: result.elapsedMs, weight: race.weight })
      },
      error => this.#ended(race, running, false, () => race.won.reject(error)),
    )
    return running
  }

  #ended(race: Race, running: Running, succeeded: boolean, settle: () => void): void {
    race.running.delete(running)
    if (!this.#races.has(race)) return
    if (!succeeded && race.running.size > 0) return
    this.#races.delete(race)
    const { losers } = this.#tools
    for (const other of race.running) this.left.push(losers.add(other))
    if (succeeded && running === race.twin) losers.won++
    settle()
  }

  #lookIn(ms: number): void {
    this.#cancel = watchdog(Math.max(ms, lookMsMin), () => void this.#look())
  }

  async #look(): Promise<void> {
    const { pool, settings } = this.#tools
    // The workers say nothing before the stage ends.
    pool.collect()
    await giveWay()
    this.#cancel = undefined
    const single = [...this.#races].filter(race => !race.twin)
    if (this.#isOver || single.length === 0) return
    const often = settings.minRuntimeMs / looksPerMinRuntime
    if (this.#done.length < Math.max(1, Math.floor(settings.quantile * this.#tasks))) {
      this.#lookIn(often)
      return
    }
    const medianMs = median(this.#done.map(({ ms }) => ms))
    const weight = median(this.#done.map(one => one.weight))
    let next = Number.POSITIVE_INFINITY
    for (const race of single) {
      const ranMs = race.first!.ranMs()
      // A task of more rows may take as much longer.
      const usualMs = weight > 0 ? medianMs * Math.max(1, race.weight / weight) : medianMs
      const leftMs = Math.max(settings.minRuntimeMs, settings.multiplier * usualMs) - ranMs
      if (leftMs <= 0 && pool.hasIdleWorker) this.#twin(race, ranMs, medianMs)
      else next = Math.min(next, leftMs <= 0 ? lookMsMin : leftMs, often)
    }
    if (next < Number.POSITIVE_INFINITY) this.#lookIn(next)
  }

  #twin(race: Race, elapsedMs: number, medianMs: number): void {
    const { pool, losers, onTwin } = this.#tools
    losers.begun++
    onTwin({ partitions: race.task.parts.length, elapsedMs, medianMs })
    // Its group has been counted without it: it says itself when it has ended.
    const options = { ...race.options, group: 0 }
    race.twin = this.#begin(race, { ...race.task, attempt: pool.newAttempt() }, options)
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
