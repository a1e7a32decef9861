/**
 * The command from end to end, with a thousandth of the data. Can't catch: a wrong time; nothing
 * here depends on how fast the machine is.
 */
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Child } from '../../bench/child.ts'
import { generate, generateBytes } from '../../bench/generate.ts'
import { type JobResult, runJobs } from '../../bench/jobs.ts'
import type { FromVariant, ToVariant } from '../../bench/variant.ts'

const script = fileURLToPath(new URL('../../bench/run.ts', import.meta.url))
const bench = (...args: string[]) => promisify(execFile)(process.execPath, [script, ...args])
const plain = { variant: 'plain-js', workers: 1, gear: 'auto' } as const

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pelton-bench-'))
  const files = [
    'w1.txt',
    'w2_keys.f64',
    'w2_vals.f64',
    'w3_keys.f64',
    'w4_init.f64',
    'w4_keys.f64',
    'w4_vals.f64',
    'w6.f64',
  ] as const
  for (const file of files) {
    generate(file, folder, { scale: 0.001 })
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Distinct words, and distinct keys with the sums of their values, counted in another language. */
const distinctWords = [491, 474, 480, 474, 452, 515, 492, 486, 478, 508]
const distinctKeys = [999, 1000, 1000, 998, 1000, 1000, 1000, 1000, 1000, 999]
const sums = [
  486.6479306061023, 498.17146125883505, 514.309250347561, 492.54792842445823, 504.9208960071601,
  515.9867727793373, 514.1351694441258, 501.67100385572365, 487.2687203051161, 508.5740545272323,
]

describe('npm run bench', () => {
  it('--json prints one line a variant with the agreed fields and right checks', async () => {
    const { stdout, stderr } = await bench('--json', '--variants', 'plain-js', '--scale', '0.001')
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as JobResult)
    expect(stderr).toBe('')
    expect(lines.map(line => [line.workload, line.variant, line.workers, line.rows])).toEqual([
      ['W1', 'plain-js', 1, 10_000],
      ['W2', 'plain-js', 1, 10_000],
      ['W6', 'plain-js', 1, 10_000],
    ])
    for (const line of lines) {
      expect(Object.keys(line)).toEqual(
        [
          'workload',
          'variant',
          'workers',
          'rows',
          'seconds',
          'rowsPerSecond',
          'spread',
          'check',
        ].concat('peakRssBytes'),
      )
      const [min, max] = line.spread
      expect(min).toBeGreaterThan(0)
      expect(line.seconds).toBeGreaterThanOrEqual(min)
      expect(line.seconds).toBeLessThanOrEqual(max)
      expect(line.rowsPerSecond).toBeCloseTo(line.rows / line.seconds)
      expect(line.peakRssBytes).toBeGreaterThan(10_000_000)
    }
    expect(lines[0]!.check).toEqual(distinctWords.map(rows => [rows, 1000]))
    expect(lines[1]!.check).toEqual(
      distinctKeys.map((rows, i) => [rows, expect.closeTo(sums[i]!, 9)]),
    )
    expect(lines[2]!.check).toEqual([[1, 2956]])
  })

  it('reads a folder of data, integers included, and prints a table', async () => {
    const integers = mkdtempSync(join(folder, 'integers-'))
    copyFileSync(join(folder, 'w2_vals.f64'), join(integers, 'w2_vals.f64'))
    for (const name of ['w2_keys', 'w6'] as const) {
      generateBytes(`${name}.f64`, 0.001, ({ buffer }) => {
        const values = new Float64Array(buffer as ArrayBuffer)
        writeFileSync(join(integers, `${name}.i64`), BigInt64Array.from(values, BigInt))
      })
    }
    const args = ['W2', 'W6', '--variants', 'plain-js', '--repetitions', '1', '--data', integers]
    const { stdout } = await bench(...args)
    expect(stdout).toMatch(/^W2 keyed sum, 10,000 pairs\n {2}variant .*\n {2}plain-js .* 1x .*MB\n/)
    expect(stdout).toMatch(/\nW6 filter, map, filter, count, 10,000 numbers\n/)
    const json = await bench(...args, '--json')
    const [w2, w6] = json.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as JobResult)
    expect(w2!.check.map(check => check![0])).toEqual(distinctKeys)
    expect(w6!.check).toEqual([[1, 2956]])
  })

  it('--help explains itself; mistakes give one line and exit code 2', async () => {
    expect((await bench('--help')).stdout).toContain('Usage: npm run bench')
    await expect(bench('W0')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^unknown workload W0: choose among W1, .*, micro\n$/),
    })
    const empty = mkdtempSync(join(folder, 'empty-'))
    await expect(bench('W1', '--variants', 'plain-js', '--data', empty)).rejects.toMatchObject({
      code: 2,
      stderr: `no w1.txt in ${empty}; without --data it is generated\n`,
    })
  })
})

// Built by npm test before the tests; a lone vitest run has no package to measure.
const isBuilt = existsSync(fileURLToPath(new URL('../../dist/index.js', import.meta.url)))

describe.skipIf(!isBuilt)('the engine', () => {
  it('gives the checks of plain JavaScript, without fallback columns', async () => {
    const args = ['--json', '--workers', '1,2', '--gear', 'row', '--repetitions', '1']
    const variants = ['--variants', 'pelton,plain-js']
    const { stdout } = await bench(...args, ...variants, '--data', folder)
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as JobResult)
    expect(lines.map(line => [line.workload, line.variant, line.workers])).toEqual(
      ['W1', 'W2', 'W6'].flatMap(name => [
        [name, 'pelton', 1],
        [name, 'pelton', 2],
        [name, 'plain-js', 1],
      ]),
    )
    for (const { counters } of lines.filter(line => line.variant === 'pelton')) {
      expect(counters).toMatchObject({ fallbackRows: 0, tasks: expect.any(Number) })
      expect(counters!.tasks).toBeGreaterThan(0)
      expect(counters!.rowsByWorker.reduce((sum, rows) => sum + rows, 0)).toBeGreaterThan(0)
    }
  })

  it('reads files, calls pure closures and sums skewed keys, with the same checks', async () => {
    const args = ['--variants', 'pelton,pelton-files,plain-js', '--repetitions', '1', '--json']
    const { stdout } = await bench('W1', 'W1-pure', 'W2-skew', ...args, '--data', folder)
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as JobResult)
    expect(lines.map(line => `${line.workload} ${line.variant}`)).toEqual([
      ...['W1 pelton', 'W1 pelton-files', 'W1 plain-js'],
      ...['W1-pure pelton', 'W1-pure plain-js', 'W2-skew pelton', 'W2-skew plain-js'],
    ])
    expect(lines[1]!.check).toEqual(distinctWords.map(rows => [rows, 1000]))
    // The hot key takes the place of about half of the others.
    expect(lines[6]!.check[0]![0]).toBeLessThan(distinctKeys[0]! / 1.2)
  })

  it('prints ratios of the engine to itself, and what is not installed', async () => {
    const args = ['--repetitions', '1', '--variants', 'pelton,duckdb,native', '--data', folder]
    const { stdout } = await bench('W6', 'growth', '--scales', '1,2', ...args)
    expect(stdout).toMatch(/\nduckdb: not installed: npm i --no-save @duckdb\/node-api, or --peers/)
    expect(stdout).toMatch(/\nnative: not built: give the folder of its programs with --native DIR/)
    expect(stdout).toMatch(/\nW2 growth \(aim: within 25 %; largest deviation \d+ %\)\n/)
    expect(stdout).toMatch(/\n {2}2x rows a batch: \S+ ns a row, \S+x 1x rows a batch \(/)
  })

  it('runs as a stream: nothing lost, every result checked', async () => {
    const args = ['--json', '--repetitions', '1', '--seconds', '1', '--data', folder]
    const { stdout } = await bench('W3', 'W4', 'W7', 'T0', 'hold', 'soak', ...args)
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines.map(line => line.workload)).toEqual(['W3', 'W4', 'W7', 'T0', 'hold', 'soak'])
    const [w3, w4, w7, t0, hold, soak] = lines
    // 64 batches of 100 pairs; every pair of 300 batches counts once.
    expect(w3.check[1]).toBe(30_000)
    // 1,000 states are there before 3,000 updates of a million keys add theirs.
    expect(w4.keys).toBeGreaterThan(3900)
    expect(w4.keys).toBeLessThan(4000)
    expect(w7).toMatchObject({ lost: 0, counted: w7.sent })
    expect(w7.sent).toBeGreaterThan(0)
    expect(t0.milliseconds).toBeGreaterThan(0)
    expect(hold).toMatchObject({ wrong: 0, seconds: 1 })
    expect(soak.batches).toBe(83)
    expect(soak.memory.map((one: { name: string }) => one.name)).toEqual(['rssBytes', 'arenaBytes'])
  })

  it('has its latencies printed', async () => {
    const { stdout } = await bench('latency', '--json', '--repetitions', '1')
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines.map(line => line.measure)).toEqual(['first-result', 'empty-batch'])
    for (const line of lines) expect(line.milliseconds).toBeGreaterThan(0)
  })
})

describe('the job runner', () => {
  it('alternates the variants, with warm-ups that are not counted', async () => {
    const steps: string[] = []
    const results = await runJobs('W6', [plain, { ...plain, variant: 'plain-js', workers: 1 }], {
      folder,
      repetitions: 2,
      warmUpSeconds: 0,
      onProgress: text => steps.push(text.replace('W6: plain-js ', '')),
    })
    const each = (step: string): string[] => [step, step]
    expect(steps).toEqual([
      ...each('loads'),
      ...each('warms up'),
      ...each('repetition 1 of 2'),
      ...each('repetition 2 of 2'),
    ])
    expect(results).toHaveLength(2)
  })

  it('rejects with the message of a variant that fails', async () => {
    const job = runJobs('W1', [plain], { folder: '/nowhere', repetitions: 1 })
    await expect(job).rejects.toThrow('no w1.txt in /nowhere')
  })
})

describe('a child process', () => {
  const args = ['W6', 'plain-js']

  it('runs once for every go, and ends on close', async () => {
    const child = new Child<FromVariant, ToVariant>('variant.ts', [...args, '--data', folder])
    expect(await child.next()).toEqual({ type: 'ready', rows: 10_000 })
    child.send('go')
    expect(await child.next()).toMatchObject({ type: 'result', check: [[1, 2956]] })
    child.send('close')
    await child.ended(10_000)
    await expect(child.next()).rejects.toThrow('variant.ts W6 plain-js --data')
  })

  it('that dies is an error with what it printed', async () => {
    const child = new Child('missing.ts', [])
    await expect(child.next()).rejects.toThrow(/missing\.ts ended with 1\n.*MODULE_NOT_FOUND/s)
  })

  it('that says nothing is an error after the limit', async () => {
    const child = new Child<FromVariant, ToVariant>('variant.ts', [...args, '--data', folder])
    await child.next()
    await expect(child.next(10)).rejects.toThrow(/said nothing for 10 ms/)
    child.kill()
    await child.ended(10_000)
  })
})
