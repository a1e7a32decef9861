/** Programs in the arena: one per chain, uploaded when it first runs, dropped when long unused. */
import { serialize } from 'node:v8'
import type { Arena } from '../columnar/arena.ts'
import { type PortableFunction, portable } from '../functions/index.ts'
import { programOwner } from './block-store.ts'
import type { Step } from './dag.ts'
import { broadcastValue, functionGears, type GearLimit } from './gears.ts'
import type { Chain } from './plan.ts'
import type { Pool } from './pool.ts'
import type { BroadcastRef, Program, ProgramRef, ProgramStep } from './program.ts'
import { leastRecent, type Used } from './recency.ts'

/** A program's bytes, which chains that say the same share. */
interface Upload {
  readonly ref: ProgramRef
  /** Its bytes as text. */
  readonly key: string
  /** Whether every function is the engine's own or a known expression. */
  readonly known: boolean
  chains: number
}

interface Entry extends Used {
  readonly upload: Upload
  users: number
}

const programsMax = 256
/** Unique in the process: contexts may share workers, which know programs by id. */
let nextId = 1

export class Programs {
  #arena: Arena
  #pool: Pool
  /** Contexts that share workers may want different gears for the same chain. */
  #entries = new Map<GearLimit, Map<Chain, Entry>>()
  #uses = 0
  #uploads = new Map<string, Upload>()
  #broadcasts = new Map<number, BroadcastRef>()

  constructor(arena: Arena, pool: Pool) {
    this.#arena = arena
    this.#pool = pool
  }

  /** Bytes of the arena that programs and broadcast values occupy. */
  get bytes(): number {
    return this.#arena.ownedBy(programOwner)
  }

  /** The program of a chain, kept in the arena at least until `release`. */
  acquire(chain: Chain, limit: GearLimit): ProgramRef {
    const entries = this.#entriesOf(limit)
    let entry = entries.get(chain)
    if (!entry) {
      if (entries.size >= programsMax) this.#evict(entries)
      entry = { upload: this.#upload(chain, limit), users: 0, lastUse: 0 }
      entries.set(chain, entry)
    }
    entry.users++
    entry.lastUse = ++this.#uses
    return entry.upload.ref
  }

  /**
   * Whether nothing that the chain calls can block, hang or end a thread. Only between `acquire`
   * and `release`.
   */
  isKnown(chain: Chain, limit: GearLimit): boolean {
    return this.#entriesOf(limit).get(chain)!.upload.known
  }

  release(chain: Chain, limit: GearLimit): void {
    this.#entriesOf(limit).get(chain)!.users--
  }

  #entriesOf(limit: GearLimit): Map<Chain, Entry> {
    let entries = this.#entries.get(limit)
    if (!entries) this.#entries.set(limit, (entries = new Map()))
    return entries
  }

  #evict(entries: Map<Chain, Entry>): void {
    const chain = leastRecent(entries, ({ users }) => users === 0)
    if (!chain) return
    const { upload } = entries.get(chain)!
    entries.delete(chain)
    if (--upload.chains > 0) return
    this.#uploads.delete(upload.key)
    this.#arena.free(upload.ref.ptr)
  }

  /** A function of foreachRDD makes its chains anew for every batch; most say what others said. */
  #upload(chain: Chain, limit: GearLimit): Upload {
    const broadcasts = new Map<number, BroadcastRef>()
    const steps = chain.steps.map(step => {
      readValues(step)
      for (const fn of step.portable!) if (!('builtin' in fn)) this.#collect(fn, broadcasts)
      const { operator, params, place, label } = step
      const functions = step.portable!
      const gears = functionGears(step, functions, limit)
      const lifted = gears.map(gear => gear.lifted)
      const pure = gears.map(gear => gear.pure)
      return { operator: operator.name, label, params, functions, lifted, pure, place }
    })
    const program: Program = {
      steps,
      columns: limit !== 'row',
      broadcasts: [...broadcasts.values()],
    }
    const bytes = serialize(program)
    const key = bytes.toString('latin1')
    let upload = this.#uploads.get(key)
    if (!upload) {
      const known = chain.steps.every((step, i) => isKnownStep(step, steps[i]!))
      upload = { ref: { id: nextId++, ...this.#store(bytes) }, key, known, chains: 0 }
      this.#uploads.set(key, upload)
    }
    upload.chains++
    return upload
  }

  /** Notes what a function refers to: broadcast values go into the arena, once. */
  #collect(fn: PortableFunction, refs: Map<number, BroadcastRef>): void {
    if (fn.shared.resources.length > 0) this.#pool.noteResources()
    for (const id of fn.shared.broadcasts) {
      if (refs.has(id)) continue
      let ref = this.#broadcasts.get(id)
      const value = ref ? undefined : broadcastValue(id)
      if (value) {
        this.#collect(value, refs)
        ref = { id, ...this.#store(serialize(value)) }
        this.#broadcasts.set(id, ref)
      }
      if (ref) refs.set(id, ref)
    }
  }

  #store(bytes: Buffer): { ptr: number; bytes: number } {
    const ptr = this.#arena.alloc(bytes.length, programOwner)
    this.#arena.u8.set(bytes, ptr)
    return { ptr, bytes: bytes.length }
  }

  /** Gives all programs back; nothing may run any more. */
  close(): void {
    for (const { ref } of this.#uploads.values()) this.#arena.free(ref.ptr)
    for (const { ptr } of this.#broadcasts.values()) this.#arena.free(ptr)
    this.#entries.clear()
    this.#uploads.clear()
    this.#broadcasts.clear()
  }
}

/** Operators may block too: those that do are for workers only. */
function isKnownStep({ operator }: Step, { functions, lifted }: ProgramStep): boolean {
  return (
    !operator.workersOnly &&
    functions.every((fn, i) => 'builtin' in fn || (lifted[i] !== undefined && isAlone(fn)))
  )
}

/** Whether a function refers to nothing that threads share. */
function isAlone({ shared }: PortableFunction): boolean {
  return Object.values(shared).every(ids => ids.length === 0)
}

/** Reads what a step's functions captured, once: as Spark ships closures, at start. */
export function readValues(step: Step): void {
  step.portable ??= step.functions.map(fn => ('builtin' in fn ? fn : portable(fn)))
}
