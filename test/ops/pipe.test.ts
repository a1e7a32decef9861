/**
 * pipe through this very Node and through tools that every system has.
 *
 * What it can't catch: what other systems do with signals and exit codes.
 */
import { realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { ManualClock, StreamingContext } from 'pelton'
import { expect, test } from 'vitest'
import { forcedPlacement } from '../../src/context.ts'
import { inContext } from '../context/rdd-support.ts'

const node = (source: string): string[] => [process.execPath, '-e', source]
/** A program that answers each line with itself in capitals. */
const capitals = node(
  'process.stdin.on("data", d => process.stdout.write(String(d).toUpperCase()))',
)

test.each([1, 7])('pipe gives rows as lines and takes lines back, partitions: %i', async n => {
  await inContext(async ssc => {
    const rows = Array.from({ length: 20 }, (_, i) => `row ${i} äöü😀`)
    const piped = ssc.parallelize(rows, n).pipe(capitals)
    expect(await piped.collect()).toEqual(rows.map(row => row.toUpperCase()))
    expect(await piped.filter(line => line.includes('ROW 1')).count()).toBe(11)
    const pairs = ssc.parallelize([['a', 1] as const, ['b', 2] as const], n).pipe('cat')
    expect(await pairs.collect()).toEqual(['(a,1)', '(b,2)'])
  })
})

test('the command runs once a partition, an empty one too', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize(['x', 'y', 'z'], 5)
    const counts = await rdd.pipe('wc -l').collect()
    expect(counts.map(Number)).toEqual([0, 1, 0, 1, 1])
    expect(await ssc.parallelize([], 2).pipe(capitals).collect()).toEqual([])
  })
})

test('the main thread never waits for a command, however few the rows', async () => {
  const options = { batchInterval: 1000, clock: new ManualClock(0), workers: 1 }
  await using ssc = new StreamingContext({ ...options, [forcedPlacement]: 'inline' } as any)
  const { counters } = ssc.session.scheduler
  const upper = ssc.parallelize(['a', 'b'], 2).map(text => text.toUpperCase())
  expect(await upper.collect()).toEqual(['A', 'B'])
  expect(counters.mainThreadRows).toBe(2)
  expect(await upper.pipe('cat').collect()).toEqual(['A', 'B'])
  expect(counters.mainThreadRows).toBe(2)
})

test('no shell reads the command; env and cwd are its own', async () => {
  await inContext(async ssc => {
    const one = ssc.parallelize(['x'], 1)
    const echoed = one.pipe(['echo', '$HOME; *', 'a  b'])
    expect(await echoed.collect()).toEqual(['$HOME; * a  b'])
    const env = one.pipe(node('console.log(process.env.PELTON_TEST, !!process.env.PATH)'), {
      env: { PELTON_TEST: 'set' },
    })
    expect(await env.collect()).toEqual(['set true'])
    const cwd = one.pipe(node('console.log(process.cwd())'), { cwd: tmpdir() })
    expect(await cwd.collect()).toEqual([realpathSync(tmpdir())])
    expect(process.env.PELTON_TEST).toBeUndefined()
  })
})

test('a command may leave its input unread', async () => {
  await inContext(async ssc => {
    const rows = Array.from({ length: 200_000 }, (_, i) => `line ${i}`)
    const first = ssc.parallelize(rows, 1).pipe(['head', '-n', '1'])
    expect(await first.collect()).toEqual(['line 0'])
  })
})

test('what goes wrong names the command, its exit status and the end of its stderr', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize(['x'], 1)
    const failing = rdd.pipe(node('console.error("x".repeat(5000) + "the end"); process.exit(3)'))
    const error = await failing.collect().catch(e => e)
    expect(error.code).toBe('PIPE_FAILED')
    expect(error.operator).toBe('pipe')
    expect(error.message).toContain('Subprocess exited with status 3 in partition 0')
    expect(error.message).toContain('the end')
    expect(error.message).toContain('Command ran: ')
    expect(error.message.length).toBeLessThan(2500)
    await expect(rdd.pipe('no-such-program -x').collect()).rejects.toThrow(
      'could not be started (ENOENT',
    )
    await expect(rdd.pipe(['sh', '-c', 'kill -9 $$']).collect()).rejects.toThrow('SIGKILL')
    const slow = rdd.pipe(['sleep', '60'], { timeoutMs: 50 })
    await expect(slow.collect()).rejects.toThrow('was ended after timeoutMs, 50 ms,')
  })
})

test('lines and partitions have limits', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize(['a', 'bcdef'], 1)
    expect(await rdd.pipe('cat', { maxLineBytes: 5, maxBytes: 8 }).collect()).toHaveLength(2)
    const long = rdd.pipe('cat', { maxLineBytes: 4 })
    await expect(long.collect()).rejects.toThrow('a line of 5 bytes, more than maxLineBytes, 4')
    const input = rdd.pipe('cat', { maxBytes: 7 })
    await expect(input.collect()).rejects.toThrow('more than maxBytes, 7')
    const output = rdd.pipe(['echo', '123456789'], { maxBytes: 8 })
    await expect(output.collect()).rejects.toThrow('printed more than maxBytes, 8')
  })
})

test('what makes no sense is refused by its value', async () => {
  await inContext(async ssc => {
    const rdd = ssc.parallelize(['x'])
    expect(() => rdd.pipe('  ')).toThrow('pipe: the command is "  "')
    expect(() => rdd.pipe([])).toThrow('pipe: the command is []')
    expect(() => rdd.pipe(['echo', 5] as never)).toThrow('pipe: the command is')
    expect(() => rdd.pipe('cat', { timeoutMs: 0 })).toThrow('timeoutMs is 0')
    expect(() => rdd.pipe('cat', { env: { A: 1 } } as never)).toThrow('env.A is 1')
  })
})
