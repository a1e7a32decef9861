/**
 * Files of frames: what is written is read, and what is not whole is told apart as torn or damaged,
 * whatever bytes there are.
 *
 * What it can't catch: changes that leave every checksum as it was.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Disk } from '../../src/durable/disk.ts'
import {
  type Ending,
  FRAME_BYTES_MAX,
  FRAME_HEAD_BYTES,
  FrameReader,
  FrameWriter,
  payloadSum,
} from '../../src/durable/frames.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'
import { changed, failure, range } from './support.ts'

const file = { purpose: 'test', id: 3 }
const headerBytes = 24

type Record = readonly [kind: number, text: string]

/** The bytes of a file with these groups of frames, and where each frame begins. */
function written(groups: readonly (readonly Record[])[], of = file) {
  const writer = new FrameWriter(of)
  const chunks = [...writer.take()]
  const places: number[] = []
  for (const group of groups) {
    for (const [kind, text] of group) places.push(writer.frame(kind, [Buffer.from(text)]))
    chunks.push(...writer.take())
  }
  return { bytes: Buffer.concat(chunks), places: [...places, writer.size] }
}

async function read(bytes: Uint8Array, pieceBytes?: number, of = file) {
  const disk = new MemoryDisk()
  disk.put('a', bytes)
  const reader = new FrameReader(disk, 'a', of, pieceBytes)
  const frames = await Array.fromAsync(reader.frames())
  return {
    records: frames.map(({ kind, payload }): Record => [kind, `${Buffer.from(payload)}`]),
    places: frames.map(({ at }) => at),
    ending: reader.ending,
  }
}

const three: Record[][] = [
  [
    [1, 'one'],
    [2, 'two'],
  ],
  [[3, '']],
  [
    [4, 'four'],
    [255, 'five'],
  ],
]
const flat = three.flat()

describe('what is written', () => {
  const records = fc.array(
    fc.array(fc.tuple(fc.integer({ min: 1, max: 255 }), fc.string({ maxLength: 300 }))),
  )
  test('is read in the same order, in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.integer({ min: 1, max: 400 }), async (groups, pieceBytes) => {
        const { bytes, places } = written(groups)
        const found = await read(bytes, pieceBytes)
        expect(found.records).toEqual(groups.flat())
        expect([...found.places, bytes.length]).toEqual(places)
        expect(found.ending).toEqual({ how: 'whole', at: bytes.length, why: '' })
      }),
    )
  })

  test('may be given in parts', () => {
    const [a, b, ab] = ['a', 'b', 'ab'].map(text => Buffer.from(text)) as [Buffer, Buffer, Buffer]
    expect(payloadSum([a, new Uint8Array(), b])).toBe(payloadSum([ab]))
    const bytes = (parts: Uint8Array[]): Buffer => {
      const writer = new FrameWriter(file)
      expect(writer.frame(1, parts)).toBe(headerBytes)
      expect(writer.size).toBe(headerBytes + FRAME_HEAD_BYTES + 2)
      return Buffer.concat(writer.take())
    }
    expect(bytes([a, b])).toEqual(bytes([ab]))
  })

  test('has this form, byte for byte, as long as the version is 1', () => {
    const { bytes } = written([[[9, 'hi']]])
    // The checksums are those of Python's zlib.crc32.
    const header = '50454c544f4e0d0a' + '0100' + '0400' + '03000000' + '538d41d9' + '74657374'
    const frame = '02000000' + 'ac2a93d8' + '00000000' + '09' + '24496930' + '6869'
    expect(bytes.toString('hex')).toBe(header + frame)
  })
})

/** What the frames and the ending must be when the file was changed in the frame `bad`. */
function expected(bad: number): { records: readonly Record[]; how: Ending['how'] } {
  const groupOf = three.flatMap((group, i) => group.map(() => i))
  const how = groupOf[bad]! < three.length - 1 ? 'damaged' : 'torn'
  return { records: flat.slice(0, bad), how }
}

describe('what is not whole', () => {
  const { bytes, places } = written(three)

  test('each byte of each frame, changed in each bit', async () => {
    for (let at = headerBytes; at < bytes.length; at++) {
      const bad = places.findLastIndex(place => place <= at)
      for (const bit of range(0, 7)) {
        const { records, ending } = await read(changed(bytes, at, old => old ^ (1 << bit)))
        expect({ records, how: ending.how }).toEqual(expected(bad))
        expect(ending.at).toBe(places[bad])
      }
    }
  })

  test('each byte of the header, changed', async () => {
    for (let at = 0; at < headerBytes; at++) {
      const result = read(changed(bytes, at, old => old ^ 1))
      // The upper half of the version: 1 becomes 257.
      if (at === 9) {
        expect((await failure(result)).code).toBe('FORMAT')
        continue
      }
      const { records, ending } = await result
      expect([records, ending.how, ending.at]).toEqual([[], 'damaged', 0])
    }
  })

  test('cut off anywhere', async () => {
    for (let length = 0; length < bytes.length; length++) {
      const { records, ending } = await read(bytes.subarray(0, length))
      const whole = places.findLastIndex(place => place <= length)
      expect(records).toEqual(flat.slice(0, Math.max(0, whole)))
      expect(ending.how).toBe(places.includes(length) ? 'whole' : 'torn')
      expect(ending.at).toBe(places[whole] ?? 0)
    }
  })

  test('zeros and other bytes behind the end', async () => {
    const tails = [Buffer.alloc(1), Buffer.alloc(5000), Buffer.from('more'), bytes, magicTail()]
    for (const tail of tails) {
      const { records, ending } = await read(Buffer.concat([bytes, tail]))
      expect([records, ending.how, ending.at]).toEqual([flat, 'torn', bytes.length])
    }
  })

  function magicTail(): Buffer {
    return bytes.subarray(0, headerBytes + 5)
  }

  test('the middle of the last group is missing: torn, since it was written at once', async () => {
    const group = range(0, 9).map((i): Record => [1, `${i}`.repeat(100)])
    const { bytes, places } = written([[[1, 'before']], group])
    const torn = Buffer.from(bytes).fill(0, places[3], places[5])
    const { records, ending } = await read(torn)
    expect([records.length, ending.how, ending.at]).toEqual([3, 'torn', places[3]])
    // With one more group behind it, it had been whole.
    const more = written([[[1, 'before']], group, [[1, 'after']]]).bytes
    more.fill(0, places[3], places[5])
    expect((await read(more)).ending.how).toBe('damaged')
    // Also where the later group is cut off itself, and where its first frames are gone too.
    const cut = Buffer.from(written([[[1, 'before']], group, group]).bytes)
    cut.fill(0, places[3], places.at(-1)! + 300)
    expect((await read(cut)).ending.how).toBe('damaged')
    expect((await read(cut.subarray(0, -10))).ending.how).toBe('damaged')
  })

  test('a payload that looks like frames of a later group does not make it damaged', async () => {
    const inner = written([[[1, 'x']], [[1, 'y']]]).bytes
    const other = written([[[1, 'x']], [[1, 'y']]], { purpose: 'test', id: 4 }).bytes
    const { bytes, places } = written([[[1, 'a']], [[1, `${inner.toString('latin1')}`]]])
    for (const payload of [inner, other]) {
      const torn = Buffer.from(bytes).fill(0, places[1], places[1]! + 3)
      payload.copy(torn, places[1]! + FRAME_HEAD_BYTES)
      expect((await read(torn)).ending.how).toBe('torn')
    }
  })

  test('a frame of another file in the same place is none', async () => {
    // Some file systems show what a removed file has left, where a crash came before the write.
    const old = written(three, { ...file, id: 2 }).bytes
    const { bytes, places } = written(three)
    for (const place of places) {
      const mixed = Buffer.concat([bytes.subarray(0, place), old.subarray(place)])
      const { records, ending } = await read(mixed)
      const how = place === bytes.length ? 'whole' : 'torn'
      expect([records, ending.how]).toEqual([flat.slice(0, places.indexOf(place)), how])
    }
  })
})

describe('what is refused', () => {
  test('a newer version', async () => {
    const bytes = changed(written(three).bytes, 8, () => 2)
    const error = await failure(read(bytes))
    expect(error.code).toBe('FORMAT')
    expect(error.message).toContain('memory/a has format version 2')
    expect(error.message).toContain('versions up to 1')
  })

  test('another purpose', async () => {
    const error = await failure(read(written(three).bytes, 100, { purpose: 'log', id: 3 }))
    expect([error.code, error.message]).toEqual(['FORMAT', expect.stringContaining('"test"')])
  })

  test('another number: nothing in it counts', async () => {
    const { records, ending } = await read(written(three).bytes, 100, { ...file, id: 4 })
    expect([records, ending.why]).toEqual([[], 'it was written as number 3'])
  })

  test('the ending before the end', () => {
    expect(() => new FrameReader(new MemoryDisk(), 'a', file).ending).toThrow('not been read')
  })
})

describe('hostile bytes', () => {
  /** A disk that counts what is read from it. */
  class Counting extends MemoryDisk {
    bytesRead = 0
    override async read(name: string, from?: number, to?: number): Promise<Uint8Array> {
      const bytes = await super.read(name, from, to)
      this.bytesRead += bytes.length
      return bytes
    }
  }

  test('any bytes at all are read in time that goes with their number', async () => {
    const header = written([]).bytes
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc.uint8Array({ maxLength: 3000 }).map(bytes => bytes.map(byte => byte & 1)),
    )
    await fc.assert(
      fc.asyncProperty(noise, fc.boolean(), async (bytes, withHeader) => {
        const disk = new Counting()
        disk.put('a', withHeader ? Buffer.concat([header, bytes]) : bytes)
        const reader = new FrameReader(disk, 'a', file, 256)
        expect(await Array.fromAsync(reader.frames())).toEqual([])
        expect(disk.bytesRead).toBeLessThan(2 * bytes.length + 2000)
      }),
    )
  })

  test('changes of many bytes never give other records', async () => {
    const { bytes } = written(three)
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.uint8Array({ minLength: 1, maxLength: 9 }))
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async changes => {
        const bad = Buffer.from(bytes)
        for (const [at, by] of changes) bad.set(by.subarray(0, bytes.length - at), at)
        try {
          const { records } = await read(bad)
          expect(records).toEqual(flat.slice(0, records.length))
        } catch (error) {
          expect((error as { code: string }).code).toBe('FORMAT')
        }
      }),
    )
  })

  test('a length is only believed where the file has so many bytes', async () => {
    const asked: number[] = []
    const long = FRAME_BYTES_MAX
    const sized: Disk = Object.assign(new MemoryDisk(), {
      read: async (_name: string, from = 0, to = 0) => {
        asked.push(to - from)
        return bytes.subarray(from, to)
      },
    })
    const writer = new FrameWriter(file)
    // The head of the longest frame there may be, of which the file has nothing.
    writer.frame(1, [{ length: long } as Uint8Array], 0)
    const bytes = Buffer.concat(writer.take().slice(0, 2))
    Object.assign(sized, { size: async () => bytes.length })
    const reader = new FrameReader(sized, 'a', file)
    expect(await Array.fromAsync(reader.frames())).toEqual([])
    expect(reader.ending).toEqual({ how: 'torn', at: headerBytes, why: 'a frame is cut off' })
    expect(Math.max(...asked)).toBeLessThanOrEqual(bytes.length)
  })
})
