import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { hasWorkload, missing } from '../../bench/peers/index.ts'
import { openNative } from '../../bench/peers/native.ts'

const folder = mkdtempSync(join(tmpdir(), 'pelton-bench-peers-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('other engines', () => {
  it('are missing with a remedy, until they are installed', () => {
    expect(missing('pelton', {})).toBeUndefined()
    expect(missing('polars', { peers: folder })).toBe(
      `not installed in ${folder}: npm i --no-save nodejs-polars, or --peers DIR`,
    )
    const installed = join(folder, 'node_modules', 'nodejs-polars')
    mkdirSync(installed, { recursive: true })
    writeFileSync(join(installed, 'index.js'), '')
    expect(missing('polars', { peers: folder })).toBeUndefined()
    expect(missing('native', { native: folder })).toBe(
      `no ${join(folder, 'anchor')}: build it with cargo build --release`,
    )
  })

  it('run the workloads they have', () => {
    expect(hasWorkload('duckdb', 'W2')).toBe(true)
    expect(hasWorkload('duckdb', 'W2-skew')).toBe(false)
    expect(hasWorkload('plain-js', 'W2-skew')).toBe(true)
    expect(hasWorkload('pelton-files', 'W2')).toBe(false)
  })
})

describe('the native reference', () => {
  const line = (peer: string, workload: string, seconds: number, notes: string): string =>
    JSON.stringify({ peer, workload, records: 10_000_000, seconds, notes })
  const lines = [
    line('rust-2t', 'W6', 0.02, 'count=7; rssKB=1000'),
    line('rust-tuned-2t', 'W6', 0.01, 'count=7; rssKB=1000'),
    line('rust-2t', 'W2', 0.15, 'check=(632319, 500503.5); rssKB=2000'),
  ]

  it('is asked for its own time, memory and checks', async () => {
    const program = join(folder, 'anchor')
    writeFileSync(program, `#!/bin/sh\ncat <<'END'\n${lines.join('\n')}\nEND\n`)
    chmodSync(program, 0o755)
    const w6 = openNative('W6', 'native-tuned', { folder, workers: 2 })
    expect(await w6.run()).toEqual([[1, 7]])
    expect(w6.measured!()).toEqual({ seconds: 0.01, peakRssBytes: 1_024_000 })
    const w2 = openNative('W2', 'native', { folder, workers: 2 })
    // It tells the check of its last batch only.
    expect(await w2.run()).toEqual([...Array.from({ length: 9 }, () => null), [632_319, 500_503.5]])
    await expect(async () =>
      openNative('W1', 'native', { folder, workers: 2 }).run(),
    ).rejects.toThrow('anchor W1 printed')
  })
})
