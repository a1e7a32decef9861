/** What a program names as its input, as input sources of the engine. */
import { Readable } from 'node:stream'
import { type InputSource, ReceiverSource } from './engine/input.ts'
import { Receiver } from './engine/receiver.ts'
import { PeltonError, preview } from './errors.ts'
import {
  AsyncIterableReceiver,
  FileSource,
  ReadableReceiver,
  type SocketTextOptions,
  SocketTextReceiver,
} from './receivers/index.ts'

/** Lines of text from a TCP server. */
export function socketText(options: SocketTextOptions): InputSource {
  return new ReceiverSource(new SocketTextReceiver(options) as Receiver<never>)
}

/** Records of a fixed length from the new files of a directory. */
export function binaryRecords(directory: string, recordLength: number): InputSource {
  if (Number.isInteger(recordLength) && recordLength > 0) {
    return new FileSource(directory, { recordLength })
  }
  throw new PeltonError(
    `binaryRecordsStream: recordLength is ${preview(recordLength)}; ` +
      'give a positive whole number of bytes',
    { code: 'OPTION', operator: 'binaryRecordsStream' },
  )
}

/** Rows that a receiver of the program's stores. */
export function received(receiver: unknown): InputSource {
  if (receiver instanceof Receiver) return new ReceiverSource(receiver as Receiver<never>)
  throw new PeltonError(
    `receiverStream needs an object of a class that extends Receiver; got ${preview(receiver)}`,
    { code: 'OPTION', operator: 'receiverStream' },
  )
}

/** A receiver, a Node stream, or an iterable; `fail` hears of an iterable that threw. */
export function sourceOf(source: unknown, fail: (error: unknown) => void): InputSource {
  if (source instanceof Receiver) return received(source)
  if (source instanceof Readable) {
    return new ReceiverSource(new ReadableReceiver(source, fail) as Receiver<never>)
  }
  if (isIterable(source)) {
    return new ReceiverSource(new AsyncIterableReceiver(source, fail) as Receiver<never>)
  }
  throw new PeltonError(
    `ssc.from needs a Receiver, an (async) iterable or a Node stream; got ${preview(source)}`,
    { code: 'OPTION', operator: 'from' },
  )
}

function isIterable(source: unknown): source is AsyncIterable<unknown> {
  if (typeof source !== 'object' || source === null) return false
  return Symbol.asyncIterator in source || Symbol.iterator in source
}
