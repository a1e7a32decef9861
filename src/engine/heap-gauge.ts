/** A worker's own look at its heap between two tasks: its functions may have kept too much. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { stopwatch } from './clock.ts'
import { isFull } from './heap-watch.ts'

/** How a worker ends whose heap is full between tasks. */
export const fullExitCode = 82

const mib = 2 ** 20
const lookMs = 50
/** Garbage is collected for at most a fiftieth of the time. */
const pausesPerCollection = 50

export class HeapGauge {
  readonly #heapMb: number | undefined
  #nextLook = 0
  #collect: (() => void) | undefined

  /** @param heapMb limit of a worker; without one it is V8's own */
  constructor(heapMb: number | undefined) {
    this.#heapMb = heapMb
  }

  /** Whether the heap is full of what is needed; looks only now and then. */
  isFull(): boolean {
    const now = stopwatch()
    if (now < this.#nextLook) return false
    this.#nextLook = now + lookMs
    if (!this.#isFull()) return false
    this.#garbageCollector()()
    const end = stopwatch()
    this.#nextLook = end + Math.max(lookMs, (end - now) * pausesPerCollection)
    return this.#isFull()
  }

  #isFull(): boolean {
    const { used_heap_size: used, heap_size_limit: last } = getHeapStatistics()
    return isFull(used, this.#heapMb ?? last / mib)
  }

  /** V8 hands it out to contexts that are made while the flag is set. */
  #garbageCollector(): () => void {
    if (!this.#collect) {
      setFlagsFromString('--expose-gc')
      this.#collect = runInNewContext('gc') as () => void
      setFlagsFromString('--no-expose-gc')
    }
    return this.#collect
  }
}
