/**
 * Spark's cases about inputs: sockets, directories, queues, and what a receiver stores. What
 * Spark's BlockGenerator, ReceivedBlockTracker and ReceivedBlockHandler do together is one call
 * here, so their cases are run on a receiver and on the batches that come of what it stored.
 *
 * What it can't catch: networks and file systems that behave differently from this machine's.
 */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BatchInfo, Receiver } from 'pelton'
import { afterAll, afterEach, beforeEach, describe, expect } from 'vitest'
import { rejection } from '../engine/support.ts'
import { type Bench, benches, until } from '../receivers/harness.ts'
import { type AnyCase, numbersIn, sparkTest } from './case-test.ts'

const bench = benches()

/** Infos of the batches that have ended, and the rows of each. */
function watched<T>(b: Bench, batches: T[][]): { infos: BatchInfo[]; batches: T[][] } {
  const infos: BatchInfo[] = []
  b.ssc.on('batchCompleted', info => infos.push(info))
  return { infos, batches }
}

const records = (infos: readonly BatchInfo[]): number =>
  infos.reduce((sum, info) => sum + info.numRecords, 0)

describe('sockets', () => {
  let server: Server
  const sockets: Socket[] = []
  beforeEach(async () => {
    server = createServer(socket => void sockets.push(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    server.close()
    await once(server, 'close')
  })

  const connected = async () => {
    const b = bench()
    const { port } = server.address() as AddressInfo
    const seen = watched(b, b.collect(b.ssc.socketTextStream('127.0.0.1', port)))
    let received = 0
    b.ssc.on('batchSubmitted', info => (received += info.numRecords))
    await b.ssc.start()
    await until(() => sockets.length === 1)
    return { b, ...seen, received: () => received }
  }

  sparkTest('input-socket', async ({ params, expected }) => {
    const { b, batches, infos, received } = await connected()
    for (const [index, line] of params.lines.entries()) {
      sockets[0]!.write(`${line}\n`)
      await b.tickUntil(() => batches.flat().length > index)
    }
    expect(batches.flat()).toEqual(expected.flattened)
    expect(received()).toBe(expected.totalReceivedRecords)
    expect(records(infos)).toBe(expected.totalProcessedRecords)
    await b.stop()
  })

  sparkTest('input-socket-noblock', async ({ params }) => {
    const { b, batches, infos } = await connected()
    await b.tick(params.batches)
    expect(batches).toEqual(Array.from({ length: params.batches }, () => params.lines))
    expect(infos.map(info => info.numRecords)).toEqual([0])
    await b.stop()
  })
})

describe('files', () => {
  const root = mkdtempSync(join(tmpdir(), 'pelton-spark-'))
  afterAll(() => rmSync(root, { recursive: true }))
  let directory = ''
  beforeEach(() => {
    directory = mkdtempSync(join(root, 'case-'))
  })

  function write(path: string, content: string | Uint8Array, modifiedMs: number): void {
    writeFileSync(join(directory, path), content)
    utimesSync(join(directory, path), modifiedMs / 1000, modifiedMs / 1000)
  }

  /** A file a batch, modified at the time of the clock: half a batch after the batch before. */
  async function filePerBatch(
    b: Bench,
    batchMs: number,
    files: readonly (readonly [path: string, content: string | Uint8Array])[],
  ): Promise<void> {
    await b.ssc.start()
    b.clock.advance(batchMs / 2)
    for (const [path, content] of files) {
      write(path, content, b.clock.now())
      b.clock.advance(batchMs)
      await b.ssc.whenIdle()
    }
    await b.stop()
  }

  sparkTest('input-binary', async ({ params, expected }) => {
    const { batchMs, recordLength, files, preexisting } = params
    write(preexisting.name, '', preexisting.mtime)
    const b = bench({ start: preexisting.clockAtStart, batchInterval: batchMs })
    const batches = b.collect(b.ssc.binaryRecordsStream(directory, recordLength))
    await filePerBatch(
      b,
      batchMs,
      files.map((bytes: number[], index: number) => [String(index), Uint8Array.from(bytes)]),
    )
    expect(batches.flat().every(record => record.length === recordLength)).toBe(true)
    expect(batches.map(rows => rows.flatMap(record => [...record]))).toEqual(
      expected.perBatchFlattened,
    )
  })

  const filesOfAge = async ({ params, expected }: AnyCase) => {
    const { batchMs, newFilesOnly, preexisting, clockAtCreate, filesOnePerBatch } = params
    expect(params.clockAdvanceBeforeFirstFile).toBe(batchMs / 2)
    for (const { name, text, mtime } of preexisting) write(name, text, mtime)
    const b = bench({ start: clockAtCreate, batchInterval: batchMs })
    const batches = b.collect(b.ssc.textFileStream(directory, { newFilesOnly }))
    const files = filesOnePerBatch as { name: string; text: string }[]
    await filePerBatch(
      b,
      batchMs,
      files.map(file => [file.name, file.text] as const),
    )
    expect(batches.flat().sort()).toEqual(expected.flattenedSet)
  }
  sparkTest('input-file-newTrue', filesOfAge)
  sparkTest('input-file-newFalse', filesOfAge)

  sparkTest('input-file-wildcard', async ({ params, expected }) => {
    const { batchMs, glob, subdirs, preexisting, files } = params
    for (const subdir of subdirs) mkdirSync(join(directory, subdir))
    for (const { path, mtime } of preexisting) write(path, `${path}\n`, mtime)
    const b = bench({ start: preexisting[0].mtime + batchMs, batchInterval: batchMs })
    const batches = b.collect(b.ssc.textFileStream(glob.replace('<dir>', directory)))
    const named = (files as string[]).flatMap(range => {
      const [subdir, names] = range.split('/') as [string, string]
      const [first, last] = names.split('..').map(Number) as [number, number]
      return Array.from({ length: last - first + 1 }, (_, i) => [subdir, first + i] as const)
    })
    await filePerBatch(
      b,
      batchMs,
      named.map(([subdir, name]) => [join(subdir, String(name)), `${name}\n`] as const),
    )
    const numerically = (a: string, z: string): number => Number(a) - Number(z)
    expect(batches.flat().sort(numerically)).toEqual(expected.flattenedSet)
  })
})

describe('queues', () => {
  const queued = async ({ params, expected }: AnyCase) => {
    const { batchMs, oneAtATime, enqueueBeforeEachTick } = params
    const b = bench({ batchInterval: batchMs })
    const queue: string[][] = []
    const batches = b.collect(b.ssc.queueStream(queue, { oneAtATime }))
    await b.ssc.start()
    for (const items of enqueueBeforeEachTick) {
      for (const item of items) queue.push([item])
      await b.tick()
    }
    await b.stop()
    expect(batches.filter(rows => rows.length > 0)).toEqual(expected.nonEmptyBatches)
  }
  sparkTest('input-queue-one', queued)
  sparkTest('input-queue-all', queued)
})

/** A receiver that stores what the test says, and when. */
class Hand extends Receiver<any> {
  onStart(): void {}
  onStop(): void {}

  async bytes(lines: Uint8Array): Promise<void> {
    await this.storeText(lines)
  }
}

function handed(options = {}) {
  const b = bench(options)
  const receiver = new Hand()
  const { infos, batches } = watched(b, b.collect(b.ssc.receiverStream(receiver)))
  return { b, receiver, infos, batches }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('receivers', () => {
  sparkTest('bg-callbacks', async ({ params, expected }) => {
    const batchInterval = params.blockIntervalMs
    const { b, receiver, batches } = handed({ batchInterval })
    // addData, addDataWithCallback, addMultipleDataWithCallback: the ranges stand in the steps.
    const added = (expected.steps as string[]).flatMap(step => {
      const [, from, to] = /^add\w*\((\d+)\.\.(\d+)/.exec(step) ?? []
      return from === undefined ? [] : [range(Number(from), Number(to))]
    })
    expect(added).toHaveLength(3)
    expect([receiver.isStarted(), receiver.isStopped()]).toEqual([false, false])
    expect((await rejection(receiver.store(0))).code).toBe('RECEIVER')
    await b.ssc.start()
    expect(receiver.isStarted()).toBe(true)
    const [one, awaited, many] = added as [number[], number[], number[]]
    const tick = async () => {
      b.clock.advance(batchInterval)
      await b.ssc.whenIdle()
    }
    for (const row of one) void receiver.store(row)
    expect(batches).toEqual([])
    await tick()
    // The promise of store() is what a callback is in Spark.
    for (const row of awaited) await receiver.store(row)
    await tick()
    await receiver.store(many)
    await tick()
    expect(batches).toEqual(added)
    await b.stop()
    expect(receiver.isStopped()).toBe(true)
    // Spark throws here; Pelton drops the row (docs/differences.md).
    await receiver.store(0)
    await b.stop()
    expect(batches).toEqual(added)
  })

  sparkTest('rid-blocks', async ({ params, expected }) => {
    const [blocks] = numbersIn(params.blockInfos) as [number]
    expect(expected).toContain(`the ${blocks} ids in order`)
    const { b, receiver, batches } = handed()
    await b.ssc.start()
    for (const block of range(1, blocks)) await receiver.store([`${block}a`, `${block}b`])
    await b.tick()
    expect(batches).toEqual([range(1, blocks).flatMap(block => [`${block}a`, `${block}b`])])
    await b.stop()
  })

  sparkTest('rbt-basic', async ({ params }) => {
    const perCall = numbersIn(params.generator).at(-1)!
    const { b, receiver, batches, infos } = handed()
    await b.ssc.start()
    const add = async (first: number) => {
      const rows = range(first, first + perCall - 1)
      for (const row of rows) await receiver.store(row)
      return rows
    }
    // Blocks are allocated once to a batch: the second batch has an empty list, not none.
    const first = await add(1)
    await b.tick()
    await b.tick()
    expect(batches).toEqual([first, []])
    // What comes later stays for the batch after; no batch is allocated twice here.
    const second = await add(100)
    expect(batches).toEqual([first, []])
    await b.tick()
    expect(batches).toEqual([first, [], second])
    expect(infos.map(info => info.numRecords)).toEqual([perCall, 0, perCall])
    await b.stop()
  })

  sparkTest('rbh-bm-store', async ({ expected }) => {
    const [first, last, perBlock] = numbersIn(expected.property) as [number, number, number]
    const { b, receiver, batches } = handed()
    await b.ssc.start()
    const data = range(first, last).map(String)
    const stores = [
      (rows: string[]) => receiver.store(rows.values()),
      (rows: string[]) => receiver.store(rows),
      (rows: string[]) => receiver.bytes(Buffer.from(`${rows.join('\n')}\n`)),
    ]
    for (let at = 0; at < data.length; at += perBlock) {
      await stores[(at / perBlock) % stores.length]!(data.slice(at, at + perBlock))
    }
    await b.tick()
    expect(batches).toEqual([data])
    await b.stop()
  })

  sparkTest('rbh-bm-err', async () => {
    const { b, receiver, batches } = handed({ memory: '8MiB' })
    await b.ssc.start()
    const divided = [2n, 1n, 0n].values().map(by => Number(2n / by))
    expect(await rejection(receiver.store(divided))).toBeInstanceOf(RangeError)
    const tooLarge = await rejection(receiver.store('x'.repeat(9 * 1024 * 1024)))
    expect(tooLarge.code).toBe('ROW_TOO_LARGE')
    await b.tick()
    expect(batches).toEqual([[]])
    await b.stop()
  })

  sparkTest('rbh-count', async ({ expected }) => {
    // Bytes come first: Spark does not know their number, and Pelton counts lines.
    const [, ...counts] = numbersIn(expected.property)
    expect(counts).toHaveLength(8)
    const { b, receiver, infos } = handed()
    await b.ssc.start()
    for (const [index, count] of counts.entries()) {
      const rows = range(1, count)
      await receiver.store(index < 4 ? rows : rows.values())
      await b.tick()
    }
    expect(infos.map(info => info.numRecords)).toEqual(counts)
    await b.stop()
  })
})

describe('records of a batch', () => {
  sparkTest('iit-report', async ({ params, expected }) => {
    const b = bench()
    const seen: BatchInfo[] = []
    b.ssc.on('batchSubmitted', info => seen.push(info))
    // Streams are numbered in the order of their definition.
    for (const [, count] of params.report) {
      b.ssc.queueStream([range(1, count)]).foreachRDD(() => undefined)
    }
    await b.ssc.start()
    await b.tick()
    const infos = [...seen[0]!.streamIdToInputInfo.values()]
    expect(infos.map(one => [one.inputStreamId, one.numRecords])).toEqual(expected)
    await b.stop()
  })
})
