/**
 * Text files of an RDD and of a stream.
 *
 * What it can't catch: that a file is whole after a power cut.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runStream } from 'pelton/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelton-test-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

type Input = readonly (readonly unknown[] | null)[]

/** Runs a stream on which `act` has declared an output. */
function run(input: Input, partitions: number, act: (stream: any) => unknown): Promise<unknown> {
  return runStream({
    input,
    partitions,
    build: (stream: any) => {
      act(stream)
      return stream
    },
  } as any)
}

/** Files below the directory with their text, by path. */
function files(): Record<string, string> {
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
  return Object.fromEntries(
    paths.sort().map(path => [path.slice(directory.length + 1), readFileSync(path, 'utf8')]),
  )
}

describe('saveAsTextFile', () => {
  test('writes a file a partition, a row a line, and marks success', async () => {
    await run([['a', 'b', 'ü😀']], 2, stream =>
      stream.foreachRDD((rdd: any) => rdd.saveAsTextFile(join(directory, 'out'))),
    )
    expect(files()).toEqual({
      'out/_SUCCESS': '',
      'out/part-00000': 'a\n',
      'out/part-00001': 'b\nü😀\n',
    })
  })

  test('writes rows that are no strings as print does', async () => {
    const rows = [1, -0.5, ['the', 3], null, undefined, true, 10n, { a: [1] }, ['k', ['v', 2]]]
    await run([rows], 1, stream =>
      stream.foreachRDD((rdd: any) => rdd.saveAsTextFile(join(directory, 'out'))),
    )
    expect(files()['out/part-00000']).toBe(
      '1\n-0.5\n(the,3)\nnull\nundefined\ntrue\n10\n{"a":[1]}\n(k,(v,2))\n',
    )
  })

  test('writes many lines whole', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `line ${i}`)
    await run([rows], 1, stream =>
      stream.foreachRDD((rdd: any) => rdd.saveAsTextFile(join(directory, 'out'))),
    )
    expect(files()['out/part-00000']).toBe(`${rows.join('\n')}\n`)
  })

  test('refuses a directory that exists unless told to overwrite it', async () => {
    const save = (options?: object) => (stream: any) =>
      stream.foreachRDD((rdd: any) => rdd.saveAsTextFile(join(directory, 'out'), options))
    await run([['old', 'old']], 2, save())
    await expect(run([['new']], 1, save())).rejects.toThrow('already exists')
    expect(files()['out/part-00001']).toBe('old\n')
    await run([['new']], 1, save({ overwrite: true }))
    expect(files()).toEqual({ 'out/_SUCCESS': '', 'out/part-00000': 'new\n' })
  })

  test('leaves nothing when a row can’t be computed', async () => {
    const running = run([[1, 2]], 1, stream =>
      stream
        .map(() => {
          throw new Error('no row')
        })
        .foreachRDD((rdd: any) => rdd.saveAsTextFile(join(directory, 'out'))),
    )
    await expect(running).rejects.toThrow('no row')
    expect(files()).toEqual({})
  })
})

describe('saveAsTextFiles', () => {
  const times = [1000, 2000, 3000]
  const names = (name: (time: number) => string) =>
    times.flatMap(time => ['_SUCCESS', 'part-00000'].map(file => `${name(time)}/${file}`))

  test('writes a directory a batch, named by prefix, time and suffix', async () => {
    await run([['a'], [], ['b']], 1, s => s.saveAsTextFiles(join(directory, 'out'), 'txt'))
    expect(Object.keys(files())).toEqual(names(time => `out-${time}.txt`))
    expect(files()['out-1000.txt/part-00000']).toBe('a\n')
    expect(files()['out-2000.txt/part-00000']).toBe('')
  })

  test('drops an empty suffix', async () => {
    await run([['a'], [], ['b']], 1, s => s.saveAsTextFiles(join(directory, 'out')))
    expect(Object.keys(files())).toEqual(names(time => `out-${time}`))
  })

  test('writes nothing for a batch without RDD', async () => {
    await run([null, ['b']], 1, s => s.saveAsTextFiles(join(directory, 'out')))
    expect(Object.keys(files())).toEqual(['out-2000/_SUCCESS', 'out-2000/part-00000'])
  })

  test('replaces what an earlier run left', async () => {
    await run([['a', 'a']], 2, s => s.saveAsTextFiles(join(directory, 'out')))
    await run([['b']], 1, s => s.saveAsTextFiles(join(directory, 'out')))
    expect(files()).toEqual({ 'out-1000/_SUCCESS': '', 'out-1000/part-00000': 'b\n' })
  })
})
