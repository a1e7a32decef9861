// Kills or interrupts a thread before each of its atomic operations, one after the other. Memory
// that is not ordered as the program says would not be noticed here; see arena-threads.test.ts.
import { describe, expect, it } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'
import { beforeAtomic, Killed } from './fixtures/arena-steps.ts'
import { hasTag, writeTag } from './fixtures/arena-tags.ts'

const PAGE = 65_536
const VICTIM = 7
const SURVIVOR = 9

/** The live chunks of one thread, as far as it knows: from alloc and tag to the call of free. */
class Thread {
  readonly arena: Arena
  readonly owner: number
  readonly live = new Map<number, number>()

  constructor(arena: Arena, owner: number) {
    this.arena = Arena.attach(arena.handle())
    this.owner = owner
  }

  alloc(bytes: number): number {
    const address = this.arena.alloc(bytes, this.owner)
    writeTag(this.arena, address, this.owner)
    this.live.set(address, this.arena.sizeOf(address))
    return address
  }

  free(address: number): void {
    if (!hasTag(this.arena, address, this.owner)) throw new Error(`overwritten: ${address}`)
    this.live.delete(address)
    this.arena.free(address)
  }

  freeAll(): void {
    for (const address of [...this.live.keys()]) this.free(address)
  }
}

type Script = (thread: Thread) => void

const scripts: Record<string, Script> = {
  'cells that fill a page': t => {
    const chunks = [32_000, 20_000, 8000, 4096].map(bytes => t.alloc(bytes))
    t.free(chunks[1]!)
    t.alloc(18_000)
    for (const at of [0, 2, 3]) t.free(chunks[at]!)
  },
  'one cell page opened and closed': t => {
    for (let k = 0; k < 2; k++) t.free(t.alloc(100))
    const both = [t.alloc(32_768), t.alloc(32_768), t.alloc(32_768)]
    for (const address of both) t.free(address)
  },
  'more cell pages than are kept as spares': t => {
    const chunks = Array.from({ length: 18 }, () => t.alloc(32_768))
    for (const address of chunks) t.free(address)
    t.alloc(2048)
  },
  'page runs in one word': t => {
    const chunks = [PAGE, 3 * PAGE, 20 * PAGE].map(bytes => t.alloc(bytes))
    t.free(chunks[1]!)
    t.alloc(2 * PAGE)
    t.free(chunks[0]!)
  },
  'runs over several words': t => {
    const chunks = [33 * PAGE, 70 * PAGE, 25 * PAGE].map(bytes => t.alloc(bytes))
    t.free(chunks[0]!)
    t.free(chunks[1]!)
  },
}

const overlaps = (threads: Thread[]): number => {
  const all = threads.flatMap(t => [...t.live]).sort((a, b) => a[0] - b[0])
  return all.filter(([start], k) => k > 0 && all[k - 1]![0] + all[k - 1]![1] > start).length
}

/** All chunks are where the threads believe them to be, and nobody wrote another's. */
function expectSound(threads: Thread[]): void {
  expect(overlaps(threads)).toBe(0)
  const faults = threads.flatMap(({ arena, owner, live }) =>
    [...live].filter(
      ([address, bytes]) =>
        arena.ownerOf(address) !== owner ||
        arena.chunkOf(address + bytes - 1) !== address ||
        !hasTag(arena, address, owner),
    ),
  )
  expect(faults).toEqual([])
}

/** Nothing is left of a test: not a byte, not a page. */
function expectEmpty(arena: Arena): void {
  expect(arena.bytesInUse()).toBe(0)
  expect(arena.reconcile()).toBe(0)
  expect(arena.pagesTaken()).toBe(0)
  const all = arena.alloc(arena.limitBytes, 1)
  arena.free(all)
}

const create = (): Arena => Arena.create({ reserveBytes: 512 * PAGE, limitBytes: 500 * PAGE })

/** Two threads that have chunks in the same cell pages of an empty arena, so that they meet. */
function arrange(arena: Arena): { victim: Thread; survivor: Thread } {
  const survivor = new Thread(arena, SURVIVOR)
  const victim = new Thread(arena, VICTIM)
  for (let k = 0; k < 5; k++) {
    survivor.alloc(10_000)
    victim.alloc(6000)
  }
  survivor.alloc(PAGE * 4)
  return { victim, survivor }
}

const names = Object.keys(scripts)
const pairs = names.flatMap(a => names.map(b => [a, b] as const))

describe('killed before any atomic operation', () => {
  it.each(names)('%s', name => {
    const arena = create()
    let n = 1
    for (let killed = true; killed; n++) {
      const { victim, survivor } = arrange(arena)
      const die = (): void => {
        throw new Killed()
      }
      killed = false
      beforeAtomic(n, die, () => {
        try {
          scripts[name]!(victim)
        } catch (error) {
          if (!(error instanceof Killed)) throw error
          killed = true
        }
      })
      // Survivors go on before anybody cleans up, and must not be blocked or handed a live page.
      for (const other of names) scripts[other]!(survivor)
      expectSound([victim, survivor])
      arena.reap(VICTIM)
      expect(arena.ownedBy(VICTIM)).toBe(0)
      const inUse = [...survivor.live.values()].reduce((a, b) => a + b, 0)
      arena.reconcile()
      expect(arena.bytesInUse()).toBe(inUse)
      expectSound([survivor])
      for (const other of names) scripts[other]!(survivor)
      expectSound([survivor])
      survivor.freeAll()
      expectEmpty(arena)
    }
    expect(n).toBeGreaterThan(50)
  })
})

describe('interrupted before any atomic operation', () => {
  it.each(pairs)('%s, by %s', (first, second) => {
    const arena = create()
    for (const leaveChunks of [true, false]) {
      for (let n = 1, more = true; more; n++) {
        const { victim, survivor } = arrange(arena)
        const third = new Thread(arena, 11)
        more = beforeAtomic(
          n,
          () => {
            scripts[second]!(survivor)
            if (!leaveChunks) survivor.freeAll()
            scripts[first]!(third)
          },
          () => {
            scripts[first]!(victim)
            victim.freeAll()
          },
        )
        expectSound([victim, survivor, third])
        scripts[first]!(victim)
        expectSound([victim, survivor, third])
        for (const t of [victim, survivor, third]) t.freeAll()
        expectEmpty(arena)
      }
    }
  })
})

describe('two that free the same chunk', () => {
  it.each([100, 40_000, 40 * PAGE])('exactly one succeeds for %d bytes', bytes => {
    const arena = create()
    for (let n = 1, more = true; more; n++) {
      const { victim, survivor } = arrange(arena)
      const address = victim.arena.alloc(bytes, VICTIM)
      const neighbour = survivor.alloc(bytes)
      let freed = 0
      const free = (by: Thread) => (): void => {
        try {
          by.arena.free(address)
          freed++
        } catch (error) {
          expect(error).toMatchObject({ code: 'ARENA_FREE' })
        }
      }
      more = beforeAtomic(n, free(survivor), free(victim))
      expect(freed).toBe(1)
      expect(survivor.arena.ownerOf(neighbour)).toBe(SURVIVOR)
      victim.freeAll()
      survivor.freeAll()
      expectEmpty(arena)
    }
  })
})

describe('races of two calls', () => {
  it('a chunk that one passes on while another frees it stays free', () => {
    const arena = create()
    for (let n = 1, more = true; more; n++) {
      const { victim, survivor } = arrange(arena)
      const address = victim.arena.alloc(100, VICTIM)
      const inUse = arena.bytesInUse()
      const free = (): void => survivor.arena.free(address)
      more = beforeAtomic(n, free, () => {
        try {
          victim.arena.setOwner(address, SURVIVOR)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ARENA_ADDRESS' })
        }
      })
      if (!more) free()
      expect(() => arena.ownerOf(address)).toThrow('no live chunk')
      expect(arena.bytesInUse()).toBe(inUse - 2048)
      victim.freeAll()
      survivor.freeAll()
      expectEmpty(arena)
    }
  })

  it('two that allocate the last bytes never get more than the limit', () => {
    const arena = Arena.create({ limitBytes: 3 * PAGE })
    for (let n = 1, more = true; more; n++) {
      const victim = new Thread(arena, VICTIM)
      const survivor = new Thread(arena, SURVIVOR)
      const allocate = (by: Thread) => (): void => {
        try {
          by.alloc(2 * PAGE)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ARENA_FULL' })
        }
      }
      more = beforeAtomic(n, allocate(survivor), allocate(victim))
      expect(victim.live.size + survivor.live.size).toBe(1)
      expect(arena.bytesInUse()).toBe(2 * PAGE)
      expect(arena.peakBytes()).toBe(2 * PAGE)
      victim.freeAll()
      survivor.freeAll()
    }
  })

  it('a cell that is freed while another thread takes the last one is found again', () => {
    const arena = create()
    for (let n = 1, more = true; more; n++) {
      const victim = new Thread(arena, VICTIM)
      const survivor = new Thread(arena, SURVIVOR)
      victim.alloc(30_000)
      const freed = survivor.alloc(30_000)
      more = beforeAtomic(
        n,
        () => survivor.free(freed),
        () => victim.alloc(4096),
      )
      if (!more) survivor.free(freed)
      expect(arena.pagesTaken()).toBe(1)
      new Thread(arena, SURVIVOR).alloc(2048)
      expect(arena.pagesTaken()).toBe(1)
      arena.reap(VICTIM)
      arena.reap(SURVIVOR)
      expectEmpty(arena)
    }
  })

  it('a page is not given back while another thread takes a cell of it', () => {
    const arena = create()
    for (let n = 1, more = true; more; n++) {
      const [victim, survivor, third] = [VICTIM, SURVIVOR, 11].map(o => new Thread(arena, o))
      const chunks = Array.from({ length: 20 }, () => victim!.alloc(32_768))
      for (const address of chunks.slice(0, -1)) victim!.free(address)
      const fill = (by: Thread) => (): void => {
        for (let k = 0; k < 24; k++) by.alloc(32_768)
      }
      more = beforeAtomic(n, fill(survivor!), () => victim!.free(chunks.at(-1)!))
      fill(third!)()
      expectSound([survivor!, third!])
      for (const t of [survivor!, third!]) t.freeAll()
      expectEmpty(arena)
    }
  })

  it('a chunk that is passed on while its owner is reaped is freed or lives on', () => {
    const arena = create()
    for (let n = 1, more = true; more; n++) {
      const address = arena.alloc(100, VICTIM)
      let passed = true
      const pass = (): void => {
        try {
          arena.setOwner(address, SURVIVOR)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ARENA_ADDRESS' })
          passed = false
        }
      }
      more = beforeAtomic(n, pass, () => arena.reap(VICTIM))
      if (!more) pass()
      expect(arena.bytesInUse()).toBe(passed ? 2048 : 0)
      expect(arena.ownedBy(SURVIVOR)).toBe(passed ? 2048 : 0)
      arena.reap(SURVIVOR)
      expectEmpty(arena)
    }
  })

  it('the peak counts both of two that allocate at once', () => {
    for (let n = 1, more = true; more; n++) {
      const arena = create()
      const other = (): void => void arena.alloc(2 * PAGE, SURVIVOR)
      more = beforeAtomic(n, other, () => arena.alloc(2 * PAGE, VICTIM))
      if (!more) other()
      expect(arena.peakBytes()).toBe(4 * PAGE)
    }
  })
})
