/** Streams that are put together. */
import type { Call } from '../apply.ts'
import { PeltonError, preview } from '../errors.ts'
import { StreamBase } from './base.ts'

/** Streams that are put together must tick together. */
export function checkSameSlide(call: Call, streams: readonly StreamBase<any>[]): void {
  const details = { code: 'OPTION', operator: call.label, ...(call.place && { place: call.place }) }
  const [first] = streams
  for (const stream of streams) {
    if (!(stream instanceof StreamBase)) {
      throw new PeltonError(`${call.label} needs DStreams; got ${preview(stream)}`, details)
    }
    if (stream.context !== first!.context) {
      throw new PeltonError(
        `Some of the DStreams have different contexts; ${call.label} needs streams of one ` +
          'StreamingContext',
        details,
      )
    }
    if (stream.slideDuration !== first!.slideDuration) {
      throw new PeltonError(
        `Some of the DStreams have different slide durations: ${first!.slideDuration} ms and ` +
          `${stream.slideDuration} ms; give both the same slide, for example with window()`,
        details,
      )
    }
  }
}
