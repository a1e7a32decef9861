/** Streams that are put together. */
import type { Call } from '../apply.ts'
import { badCall, misused, preview } from '../errors.ts'
import { StreamBase } from './base.ts'

/** Streams that are put together must tick together. */
export function checkSameSlide(call: Call, streams: readonly StreamBase<any>[]): void {
  const [first] = streams
  for (const stream of streams) {
    if (!(stream instanceof StreamBase)) {
      throw misused(call, `needs DStreams; got ${preview(stream)}`)
    }
    if (stream.context !== first!.context) {
      throw badCall(
        call,
        `Some of the DStreams have different contexts; ${call.label} needs streams of one ` +
          'StreamingContext',
      )
    }
    if (stream.slideDuration !== first!.slideDuration) {
      throw badCall(
        call,
        `Some of the DStreams have different slide durations: ${first!.slideDuration} ms and ` +
          `${stream.slideDuration} ms; give both the same slide, for example with window()`,
      )
    }
  }
}
