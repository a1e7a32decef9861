// How much memory an arena gets, in processes that may have little address space.
import { execFile } from 'node:child_process'
import { totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Arena } from '../../src/columnar/arena.ts'

const PAGE = 65_536
const MIB = 2 ** 20
const fixture = fileURLToPath(new URL('./fixtures/arena-fallback.ts', import.meta.url))
const run = promisify(execFile)

interface Descriptor {
  readonly initial: number
  readonly maximum: number
}
type MemoryClass = new (descriptor: Descriptor) => object

/** Runs `body` on a system where `create` decides what memory there is. */
function withMemory<T>(
  create: (descriptor: Descriptor, Memory: MemoryClass) => object,
  body: () => T,
): T {
  const { WebAssembly } = globalThis as unknown as { WebAssembly: { Memory: MemoryClass } }
  const { Memory } = WebAssembly
  function Limited(descriptor: Descriptor): object {
    return create(descriptor, Memory)
  }
  WebAssembly.Memory = Limited as unknown as MemoryClass
  try {
    return body()
  } finally {
    WebAssembly.Memory = Memory
  }
}

interface Report {
  readonly maxPages: number
  readonly limitBytes: number
  readonly initialBytes: number
  readonly finalBytes: number
  readonly allocatedBytes: number
  readonly stopped: string
  readonly intact: boolean
  readonly left: number
}

/** Runs the fixture with `spareBytes` of address space more than Node itself takes. */
async function runLimited(spareBytes: number): Promise<Report> {
  const command = `process.stdout.write(require('fs').readFileSync('/proc/self/status', 'utf8'))`
  const { stdout: status } = await run(process.execPath, ['-e', command])
  const ownKib = Number(/VmSize:\s+(\d+)/.exec(status)![1])
  const kib = ownKib + Math.round(spareBytes / 1024)
  const script = `ulimit -v ${kib} && exec "$0" --disable-wasm-trap-handler "$1"`
  const { stdout } = await run('bash', ['-c', script, process.execPath, fixture])
  return JSON.parse(stdout)
}

describe('arena memory', () => {
  it('reserves 4 GiB and limits itself to half of the memory there is', () => {
    const arena = Arena.create()
    expect(arena.buffer.byteLength).toBe(2 ** 32)
    expect(arena.limitBytes).toBeLessThanOrEqual(Math.max(totalmem() / 2, 64 * MIB))
    expect(arena.limitBytes).toBeGreaterThanOrEqual(64 * MIB)
  })

  it('keeps a limit that fits, and takes off its own tables from one that does not', () => {
    expect(Arena.create({ limitBytes: 100 * MIB }).limitBytes).toBe(100 * MIB)
    const whole = Arena.create({ limitBytes: 8 * MIB, reserveBytes: 8 * MIB })
    expect(whole.limitBytes).toBeGreaterThan(7.8 * MIB)
    expect(whole.limitBytes).toBeLessThan(8 * MIB)
  })

  const onLinux = it.skipIf(process.platform !== 'linux')

  onLinux.each([1200, 600])('takes what %d MiB of spare address space allow', async spare => {
    // How much is left over differs by run: Node's threads and its type stripper take their part.
    const report = await runLimited(spare * MIB)
    expect(report).toMatchObject({ intact: true, left: 0 })
    expect(['', 'ARENA_FULL']).toContain(report.stopped)
    expect(report.allocatedBytes).toBeGreaterThan(16 * MIB)
    expect(report.maxPages * PAGE).toBeLessThan(spare * MIB)
    expect(report.finalBytes).toBeLessThanOrEqual(report.maxPages * PAGE)
    expect(report.limitBytes).toBeLessThan(report.maxPages * PAGE)
  })

  it('begins small and grows where no memory can be had at once', () => {
    const arena = withMemory(
      (descriptor, Memory) => {
        if (descriptor.initial === descriptor.maximum) throw new RangeError('could not allocate')
        return new Memory(descriptor)
      },
      () => Arena.create({ limitBytes: 2 ** 31 }),
    )
    expect(arena.buffer.byteLength).toBe(8 * MIB)
    expect(arena.limitBytes).toBeGreaterThan(63 * MIB)
    const before = arena.u8
    const address = arena.alloc(40 * MIB, 1)
    arena.u8[address + 40 * MIB - 1] = 7
    expect(before.length).toBe(8 * MIB)
    expect(arena.u8[address + 40 * MIB - 1]).toBe(7)
    expect(() => arena.alloc(40 * MIB, 1)).toThrow(/^The arena is full/)
    const rest = arena.limitBytes - arena.bytesInUse()
    for (let bytes = 0; bytes < rest; bytes += PAGE) arena.alloc(PAGE, 1)
    expect(arena.bytesInUse()).toBe(arena.limitBytes)
    expect(arena.reap(1)).toBe(arena.limitBytes)
    expect(arena.bytesInUse()).toBe(0)
  })

  it('says what to do where there is no memory at all', () => {
    const refuse = (): never => {
      throw new RangeError('could not allocate')
    }
    withMemory(refuse, () => {
      expect(() => Arena.create({ reserveBytes: 32 * PAGE })).toThrow(/ulimit -v/)
      expect(() => Arena.create()).toThrow(expect.objectContaining({ code: 'ARENA_RESERVE' }))
    })
  })
})
