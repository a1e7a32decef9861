import { PeltonError, preview } from '../errors.ts'

/** Ends a timer; calling it again, or after the timer fired, does nothing. */
export type Cancel = () => void

/**
 * The only source of time in the engine.
 *
 * - `now()` is the time of batches, in milliseconds since the epoch.
 * - `at(time, run)` calls `run` once, at or after `time`; never synchronously from `at` itself.
 * - `monotonic()` measures durations, in milliseconds; it never goes back.
 */
export interface Clock {
  now(): number
  at(time: number, run: () => void): Cancel
  monotonic(): number
}

const timerDelayMsMax = 2 ** 31 - 1

/** Where a SystemClock reads the time: both in milliseconds, the wall clock since the epoch. */
export interface TimeSources {
  readonly wall: () => number
  readonly monotonic: () => number
}

/**
 * The machine's clock. Its timers keep the process alive.
 *
 * Its time follows the wall clock forward, also over jumps, and never goes back: when the wall
 * clock
 * is set back, it runs on at the same speed, so that batches neither stall nor come twice.
 */
export class SystemClock implements Clock {
  readonly #sources: TimeSources
  /** What the wall clock is ahead of the monotonic one, at its furthest. */
  #ahead = Number.NEGATIVE_INFINITY

  /** @param sources other clocks to read, for tests */
  constructor(
    sources: TimeSources = { wall: () => Date.now(), monotonic: () => performance.now() },
  ) {
    this.#sources = sources
  }

  now(): number {
    const elapsed = this.#sources.monotonic()
    this.#ahead = Math.max(this.#ahead, this.#sources.wall() - elapsed)
    // Half a microsecond makes up for what the two sums have lost in rounding.
    return Math.floor(elapsed + this.#ahead + 0.0005)
  }

  monotonic(): number {
    return this.#sources.monotonic()
  }

  at(time: number, run: () => void): Cancel {
    let timer: NodeJS.Timeout
    // A wake-up can be early by a millisecond, and the clock can jump: look again each time.
    const arm = (): void => {
      const delay = Math.min(Math.max(0, time - this.now()), timerDelayMsMax)
      timer = setTimeout(() => (this.now() < time ? arm() : run()), delay)
    }
    arm()
    return () => clearTimeout(timer)
  }
}

/**
 * A clock that moves only when told to: tests and simulations are exact and never sleep.
 *
 * @example
 * const clock = new ManualClock(0)
 * clock.advance(1000) // fires every timer up to time 1000, in order of time
 */
export class ManualClock implements Clock {
  #now: number
  #timers: { time: number; run: () => void }[] = []

  /** @param start first time, in milliseconds since the epoch */
  constructor(start = 0) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return performance.now()
  }

  at(time: number, run: () => void): Cancel {
    const timer = { time, run }
    let index = this.#timers.findIndex(other => other.time > time)
    if (index < 0) index = this.#timers.length
    this.#timers.splice(index, 0, timer)
    return () => {
      const place = this.#timers.indexOf(timer)
      if (place >= 0) this.#timers.splice(place, 1)
    }
  }

  /** Moves the clock forward by `ms` milliseconds. */
  advance(ms: number): void {
    this.advanceTo(this.#now + ms)
  }

  /** Moves the clock forward to `time`, firing timers on the way. */
  advanceTo(time: number): void {
    if (!(time >= this.#now)) {
      throw new PeltonError(
        `a ManualClock only moves forward: asked for ${preview(time)}, it shows ${this.#now}`,
        { code: 'CLOCK' },
      )
    }
    while (this.#timers.length > 0 && this.#timers[0]!.time <= time) {
      const timer = this.#timers.shift()!
      this.#now = Math.max(this.#now, timer.time)
      timer.run()
    }
    this.#now = time
  }
}

/** A promise that resolves after `ms` on the given clock. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise(resolve => {
    clock.at(clock.now() + ms, resolve)
  })
}

/** Runs `run` after `ms` of real time, whatever the engine's clock shows; keeps nothing alive. */
export function watchdog(ms: number, run: () => void): Cancel {
  const timer = setTimeout(run, Math.min(ms, timerDelayMsMax))
  timer.unref()
  return () => clearTimeout(timer)
}

/** Waits for a promise, `ms` of real time at most; whether it has settled by then. */
export async function within(promise: Promise<unknown> | undefined, ms: number): Promise<boolean> {
  let cancel: Cancel | undefined
  const timedOut = new Promise<boolean>(resolve => {
    cancel = watchdog(ms, () => resolve(false))
  })
  const settled = Promise.allSettled([promise]).then(() => true)
  const isSettled = await Promise.race([settled, timedOut])
  cancel?.()
  return isSettled
}

/** Real milliseconds from an arbitrary origin: for measuring, never for deciding. */
export function stopwatch(): number {
  return performance.now()
}

/** Real milliseconds from an origin that all threads of the process share, as 32 bits. */
export function sharedStopwatch(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return (seconds * 1000 + nanoseconds / 1e6) | 0
}

/** Wall-clock milliseconds for generated names and logs. */
export function wallClock(): number {
  return Date.now()
}

/** Resolves when timers, sockets and messages that were due have had their turn. */
export function giveWay(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
