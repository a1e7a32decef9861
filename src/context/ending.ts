/** How the batches of a context end: at once, or when everything that was stored is done. */
import type { BatchLoop } from '../engine/batches.ts'
import type { InputSource } from '../engine/input.ts'
import { receiverStopMs } from '../engine/supervisor.ts'
import type { Settings } from '../options.ts'

export interface Ending {
  readonly sources: readonly InputSource[]
  readonly settings: Settings
  /** Whether everything that was stored is processed first. */
  readonly graceful: boolean
  /** Called when no batch begins any more. */
  ended(): void
}

/** Stops sources and the clock, and waits for the batches that are to be done. */
export async function endBatches(loop: BatchLoop, ending: Ending): Promise<void> {
  const { sources, settings, graceful } = ending
  const { gracefulStopTimeoutMs: limitMs, logger } = settings
  // A receiver may bring all that it still has before a graceful stop goes on.
  const receiverMs = graceful ? Math.max(limitMs, receiverStopMs) : undefined
  const stops = await Promise.allSettled(sources.map(async source => source.stop(receiverMs)))
  for (const stop of stops) {
    if (stop.status === 'rejected') logger.warn(`stop: ${String(stop.reason)}`)
  }
  loop.stopTicking()
  if (graceful) await drain(loop, ending)
  else loop.dropWaiting()
  ending.ended()
  if (await loop.idleWithin(limitMs)) return
  logger.warn(
    `stop: the batch at ${loop.runningTimes.join(', ')} ms still runs after ` +
      `gracefulStopTimeout, ${limitMs} ms; it is given up, its workers are ended`,
  )
  loop.abandon()
}

/** Processes what has been stored: batches that wait, and then what no batch has taken. */
async function drain(loop: BatchLoop, { sources, settings }: Ending): Promise<void> {
  const { clock, gracefulStopTimeoutMs, waitingBatchesMax, logger } = settings
  const isPending = (): boolean => sources.some(source => source.pending)
  let cancel: (() => void) | undefined
  let isOver = false
  const timedOut = new Promise<void>(resolve => {
    cancel = clock.at(clock.now() + gracefulStopTimeoutMs, () => {
      isOver = true
      resolve()
    })
  })
  // One batch at a time: what a full arena keeps waiting finds room when a batch has ended.
  for (let batches = 0; batches <= waitingBatchesMax && !isOver; batches++) {
    await Promise.race([loop.whenIdle(), timedOut])
    if (isOver || !isPending()) break
    loop.submitLast()
  }
  cancel?.()
  if (loop.pending === 0) return
  logger.warn(
    `graceful stop: ${loop.pending} batches were not done after gracefulStopTimeout, ` +
      `${gracefulStopTimeoutMs} ms; those that wait are dropped`,
  )
  loop.dropWaiting()
}
