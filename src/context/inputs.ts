/** Inputs of a context: its streams, and collections of the program as RDDs. */
import type { Readable } from 'node:stream'
import {
  type Call,
  callOf,
  mainThreadFunction,
  partitionsOption,
  pathOption,
  someStreams,
  stepOf,
} from '../apply.ts'
import type { StreamingContext } from '../context.ts'
import { checkSameSlide } from '../dstream/same-slide.ts'
import { DStream, transformed } from '../dstream.ts'
import { Dataset } from '../engine/block-store.ts'
import { type Collection, checkCollection, parallelize } from '../engine/collection.ts'
import { RddNode, StreamNode } from '../engine/dag.ts'
import type { InputSource } from '../engine/input.ts'
import type { Receiver } from '../engine/receiver.ts'
import { activeScope, type Session } from '../engine/session.ts'
import { filesOf } from '../files.ts'
import * as ops from '../ops/index.ts'
import { RDD } from '../rdd.ts'
import {
  type FileOptions,
  FileSource,
  type QueueEntry,
  type QueueOptions,
  QueueSource,
  rangesOf,
  type SocketTextOptions,
} from '../receivers/index.ts'
import { binaryRecords, received, socketText, sourceOf } from '../sources.ts'

/** Where a context's rows come from: streams, and collections of the program's own. */
export abstract class ContextInputs {
  /** Default number of partitions: a constant, never the number of cores. */
  abstract get partitions(): number
  /** For the engine's own use. */
  abstract get session(): Session
  /** Throws where the context takes no more streams. */
  abstract checkOpen(call: Call): void
  /** A stream of what a source gives. */
  protected abstract input<T>(label: string, source: InputSource): DStream<T>
  /** Ends the context with an error of a source. */
  protected abstract failed(error: unknown, label: string): void

  /** Lines of text from a TCP server. @example ssc.socketTextStream('localhost', 9999) */
  socketTextStream(
    host: string,
    port: number,
    options: Pick<SocketTextOptions, 'maxLineBytes'> = {},
  ): DStream<string> {
    return this.input('socketTextStream', socketText({ host, port, ...options }))
  }

  /** Lines of the new files of a directory. @example ssc.textFileStream('/var/spool/in') */
  textFileStream(
    directory: string,
    options: Omit<FileOptions, 'recordLength'> = {},
  ): DStream<string> {
    return this.input('textFileStream', new FileSource(directory, options))
  }

  /** Records of `recordLength` bytes from the new files of a directory. */
  binaryRecordsStream(directory: string, recordLength: number): DStream<Uint8Array> {
    return this.input('binaryRecordsStream', binaryRecords(directory, recordLength))
  }

  /**
   * Batches from a queue, which may grow while it is read.
   *
   * @example ssc.queueStream([[1, 2], [3]])
   */
  queueStream<T>(queue: (readonly T[] | RDD<T> | null)[], options: QueueOptions = {}): DStream<T> {
    const load = (rows: readonly unknown[], partitions: number): Dataset =>
      parallelize(this.session.runtime.arena, rows, partitions)
    return this.input('queueStream', new QueueSource(queue as QueueEntry[], options, load))
  }

  /** Rows that a receiver stores. @example ssc.receiverStream(new MyReceiver()) */
  receiverStream<T>(receiver: Receiver<T>): DStream<T> {
    return this.input('receiverStream', received(receiver))
  }

  /**
   * A receiver, an async iterable, or a Node stream as a source.
   *
   * @example ssc.from(process.stdin)
   */
  from<T>(source: Receiver<T> | AsyncIterable<T> | Iterable<T> | Readable): DStream<T> {
    return this.input(
      'from',
      sourceOf(source, error => this.failed(error, 'from')),
    )
  }

  /** All rows of several streams. @example ssc.union([a, b, c]) */
  union<T>(this: StreamingContext, streams: readonly DStream<T>[]): DStream<T> {
    const call = callOf('union')
    this.checkOpen(call)
    someStreams(call, streams)
    checkSameSlide(call, streams)
    const step = stepOf(call, ops.union)
    const parents = streams.map(stream => stream.node)
    const slide = streams[0]!.slideDuration
    return new DStream<T>(this, new StreamNode({ parents, step, slide }))
  }

  /**
   * Whatever RDDs make of the RDDs of several streams.
   *
   * @example ssc.transform([a, b], ([x, y]) => x.union(y))
   */
  transform<U>(
    this: StreamingContext,
    streams: readonly DStream<any>[],
    f: (rdds: RDD<any>[], time: number) => RDD<U> | Promise<RDD<U>>,
  ): DStream<U> {
    const call = callOf('transform')
    mainThreadFunction(call, f)
    someStreams(call, streams)
    return transformed(this, call, streams, f)
  }

  /**
   * A collection of the program's own as an RDD: an array; a Float64Array of numbers; `{ pairs }`,
   * two Float64Arrays of keys and values; `{ text }`, UTF-8 lines.
   *
   * @example ssc.parallelize([1, 2, 3])
   */
  parallelize<T = number>(data: Float64Array, partitions?: number): RDD<T>
  parallelize<T = [number, number]>(
    data: { readonly pairs: readonly [Float64Array, Float64Array] },
    partitions?: number,
  ): RDD<T>
  parallelize<T = string>(data: { readonly text: Uint8Array }, partitions?: number): RDD<T>
  parallelize<T>(data: readonly T[], partitions?: number): RDD<T>
  parallelize<T>(data: Collection<T>, partitions?: number): RDD<T> {
    const count = partitionsOption('parallelize', partitions, this.partitions)
    checkCollection(data, 'parallelize')
    const { session } = this
    return this.leaf('parallelize', () => parallelize(session.runtime.arena, data, count))
  }

  /** An RDD without rows. */
  emptyRDD<T = never>(): RDD<T> {
    return this.parallelize<T>([], 1)
  }

  /**
   * Lines of a text file, of all files of a directory, or of a pattern.
   *
   * @example ssc.textFile('in/*.txt')
   */
  textFile(path: string, partitions?: number): RDD<string> {
    const count = partitionsOption('textFile', partitions, this.partitions)
    pathOption('textFile', 'path', path)
    const { session } = this
    return this.leaf('textFile', () => {
      const pieces = rangesOf(filesOf(path), count)
      return new Dataset(
        session.runtime.arena,
        pieces.map(piece => [piece]),
        [],
      )
    })
  }

  /**
   * The rows that `saveAsObjectFile` wrote to a directory, to a file of it, or to what a pattern
   * names: one partition a file.
   *
   * @example ssc.objectFile<Session>('out/sessions')
   */
  objectFile<T>(path: string): RDD<T> {
    pathOption('objectFile', 'path', path)
    const { session } = this
    const paths = this.leaf<string>('objectFile', () => {
      const files = filesOf(path).map(file => file.path)
      return parallelize(session.runtime.arena, files, Math.max(1, files.length))
    })
    return paths.through<T>(callOf('objectFile'), ops.loadObjects)
  }

  protected leaf<T>(label: string, load: () => Dataset): RDD<T> {
    const scope = activeScope(this.session)
    const step = stepOf(callOf(label), ops.source)
    const node = scope.adopt(new RddNode({ step, inputs: [], load }))
    return new RDD<T>(this.session, node, scope)
  }
}
