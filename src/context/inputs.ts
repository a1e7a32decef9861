/** Inputs of a context: where its streams come from. */
import type { Readable } from 'node:stream'
import { type Call, callOf, mainThreadFunction, someStreams, stepOf } from '../apply.ts'
import type { StreamingContext } from '../context.ts'
import { checkSameSlide } from '../dstream/same-slide.ts'
import { DStream, transformed } from '../dstream.ts'
import type { Dataset } from '../engine/block-store.ts'
import { parallelize } from '../engine/collection.ts'
import { StreamNode } from '../engine/dag.ts'
import type { InputSource } from '../engine/input.ts'
import type { Receiver } from '../engine/receiver.ts'
import * as ops from '../ops/index.ts'
import type { RDD } from '../rdd.ts'
import {
  type FileOptions,
  FileSource,
  type QueueEntry,
  type QueueOptions,
  QueueSource,
  type SocketTextOptions,
} from '../receivers/index.ts'
import { binaryRecords, received, socketText, sourceOf } from '../sources.ts'
import { ContextBase } from './base.ts'

/** A context whose rows come from streams too. */
export abstract class ContextInputs extends ContextBase {
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
}
