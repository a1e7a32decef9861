/** How a log is written: the options of `WriteAheadLog.open`, their defaults and limits. */
import { badCall, preview } from '../errors.ts'

const segmentBytesMaxDefault = 64 * 1024 * 1024
/** A place in a group has to fit into 32 bits. */
const segmentBytesLimit = 1024 * 1024 * 1024
const rollingIntervalMsDefault = 60_000
const maxFailuresDefault = 3
const maxFailuresLimit = 1000

/** How a log is written. */
export interface LogOptions {
  /** The time in milliseconds: the log reads no clock of its own. */
  readonly now: () => number
  /** A file that has come to this size is followed by a new one; default 64 MiB. */
  readonly segmentBytesMax?: number
  /** So is one that is this old when something is written; default 60,000. */
  readonly rollingIntervalMs?: number
  /** Attempts to write something before its appends reject; default 3. */
  readonly maxFailures?: number
  /**
   * Whether the log ends where appends had to reject: then all that wait and all later ones reject
   * too, so that what is in it has no gaps. Default false: it goes on with those that follow.
   */
  readonly endsOnFailure?: boolean
  /** Told about what went wrong and was made good; silent by default. */
  readonly warn?: (message: string) => void
}

/** The options with their defaults, or an error that names the one that can't be. */
export function checkedOptions(options: LogOptions): Required<LogOptions> {
  const {
    now,
    segmentBytesMax = segmentBytesMaxDefault,
    rollingIntervalMs = rollingIntervalMsDefault,
    maxFailures = maxFailuresDefault,
    endsOnFailure = false,
    warn = () => undefined,
  } = options
  const limits: [name: string, value: number, max: number][] = [
    ['segmentBytesMax', segmentBytesMax, segmentBytesLimit],
    ['rollingIntervalMs', rollingIntervalMs, Number.MAX_SAFE_INTEGER],
    ['maxFailures', maxFailures, maxFailuresLimit],
  ]
  for (const [name, value, max] of limits) {
    if (Number.isInteger(value) && value >= 1 && value <= max) continue
    const rule = `has to be a whole number from 1 to ${max}`
    throw badCall({ label: 'WriteAheadLog.open' }, `${name} ${rule}, not ${preview(value)}`)
  }
  return {
    now,
    segmentBytesMax,
    rollingIntervalMs,
    maxFailures,
    endsOnFailure,
    warn: quietly(warn),
  }
}

/** A listener that throws must not stop the log. */
const quietly =
  (warn: (message: string) => void): typeof warn =>
  message => {
    try {
      warn(message)
    } catch {}
  }
