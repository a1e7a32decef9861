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

  it.skipIf(process.platform !== 'linux')('takes what an address space limit leaves', async () => {
    const report = await runLimited(900 * MIB)
    expect(report).toMatchObject({ intact: true, left: 0, stopped: '' })
    expect(report.maxPages).toBeLessThan(65_536)
    expect(report.maxPages).toBeGreaterThanOrEqual(4096)
    expect(report.initialBytes).toBe(report.maxPages * PAGE)
    expect(report.limitBytes).toBeLessThan(report.maxPages * PAGE)
  })

  it.skipIf(process.platform !== 'linux')(
    'begins small and grows where little is left',
    async () => {
      const report = await runLimited(200 * MIB)
      expect(report).toMatchObject({ intact: true, left: 0 })
      expect(report.maxPages).toBe(4096)
      expect(report.initialBytes).toBe(8 * MIB)
      expect(report.finalBytes).toBeGreaterThan(report.initialBytes)
      expect(report.allocatedBytes).toBeGreaterThan(16 * MIB)
      expect(['', 'ARENA_FULL']).toContain(report.stopped)
    },
  )
})
