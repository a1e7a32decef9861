/**
 * SIGINT and SIGTERM for all contexts of the process: the first stops gracefully, the second at
 * once.
 */

const stops = new Set<() => Promise<void>>()
let asked = false

function onSignal(signal: NodeJS.Signals): void {
  if (asked) {
    process.exit(signal === 'SIGINT' ? 130 : 143)
  }
  asked = true
  process.exitCode = signal === 'SIGINT' ? 130 : 143
  for (const stop of [...stops]) {
    stop().catch(error => console.error(`pelton: the stop after ${signal} failed: ${error}`))
  }
}

/** Registers a context's stop; the returned function takes it back. */
export function handleSignals(stop: () => Promise<void>): () => void {
  if (stops.size === 0) {
    asked = false
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  }
  stops.add(stop)
  return () => {
    stops.delete(stop)
    if (stops.size > 0) return
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}
