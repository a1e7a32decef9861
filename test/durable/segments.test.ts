/**
 * Damage to a log of several files: every byte changed, every file cut off at every byte or
 * missing. What is read is a beginning of what was written, or an error; and less than all only
 * where it might be what a crash leaves of the last write, and then with a warning.
 *
 * What it can't catch: what is done to a log so that every checksum fits.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { segmentName } from '../../src/durable/segments.ts'
import { MemoryDisk } from '../../src/testing/memory-disk.ts'
import { append, changed, failure, numbersOf, opened, range } from './support.ts'

/** Records in groups, by files: the log in which they are written has them so. */
const layout = [[[0], [1, 2], [3]], [[4, 5]], [[6], [7], [8, 9]]]
const total = layout.flat(2).length
const lastGroup = layout.at(-1)!.at(-1)!.length

/** The files of that log; each was written by a process of its own. */
async function logFiles(): Promise<Map<string, Uint8Array>> {
  const disk = new MemoryDisk()
  for (const groups of layout) {
    const { log } = await opened(disk)
    for (const group of groups) await append(log, group)
    await log.close()
  }
  return disk.files()
}

const files = await logFiles()
const names = [...files.keys()]
const lastName = names.at(-1)!

function diskOf(all: ReadonlyMap<string, Uint8Array>): MemoryDisk {
  const disk = new MemoryDisk()
  for (const [name, bytes] of all) disk.put(name, bytes)
  return disk
}

/** What becomes of a log with one file replaced: numbers and warnings, or an error. */
async function outcome(all: ReadonlyMap<string, Uint8Array>) {
  const disk = diskOf(all)
  try {
    const { log, warnings } = await opened(disk)
    return { numbers: await numbersOf(log.read()), warnings }
  } catch (error) {
    return { error: error as { code?: string; message: string } }
  }
}

const replaced = (name: string, bytes: Uint8Array) => new Map([...files, [name, bytes]])

test('the log is as the tests below take it', async () => {
  expect(names).toEqual([1, 2, 3].map(segmentName))
  expect(await outcome(files)).toEqual({ numbers: range(0, total - 1), warnings: [] })
})

describe.each(names)('%s', name => {
  const bytes = files.get(name)!

  test('each byte changed, in one bit or in all', async () => {
    let errors = 0
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [1, 0x80, 0xff]) {
        const { numbers, warnings, error } = await outcome(
          replaced(
            name,
            changed(bytes, at, old => old ^ mask),
          ),
        )
        if (error) {
          expect(error.code).toMatch(/^(LOG_DAMAGED|FORMAT)$/)
          expect(error.message).toContain(`memory/${name}`)
          errors++
          continue
        }
        // Nothing else may pass than a bad last group, which a crash may have left.
        expect(name).toBe(lastName)
        expect(numbers).toEqual(range(0, numbers!.length - 1))
        expect(numbers!.length).toBeGreaterThanOrEqual(total - lastGroup)
        expect(numbers!.length).toBeLessThan(total)
        expect(warnings).toHaveLength(1)
      }
    }
    expect(errors).toBeGreaterThan(bytes.length)
  })

  test('cut off at each byte', async () => {
    for (let length = 0; length < bytes.length; length++) {
      const { numbers, error } = await outcome(replaced(name, bytes.subarray(0, length)))
      if (name !== lastName) {
        expect(error?.code).toBe('LOG_DAMAGED')
        expect(error?.message).toMatch(
          /acknowledged frames are missing|has no frame|is cut off|is empty/,
        )
      } else expect(numbers).toEqual(range(0, numbers!.length - 1))
    }
  })

  test('bytes removed from the middle, or put into it', async () => {
    const change = fc.record({
      at: fc.nat(bytes.length - 1),
      removed: fc.integer({ min: 0, max: 50 }),
      added: fc.uint8Array({ maxLength: 50 }),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ at, removed, added }) => {
        const rest = bytes.subarray(Math.min(bytes.length, at + removed))
        const whole = Buffer.concat([bytes.subarray(0, at), added, rest])
        const { numbers, error } = await outcome(replaced(name, whole))
        if (error) expect(error.code).toMatch(/^(LOG_DAMAGED|FORMAT)$/)
        else expect(numbers).toEqual(range(0, numbers!.length - 1))
      }),
    )
  })

  test('exchanged for another file', async () => {
    for (const other of names) {
      if (other === name) continue
      const { error, numbers } = await outcome(replaced(name, files.get(other)!))
      // As the newest file it is one in which no write ever succeeded.
      if (name === lastName && !error) expect(numbers).toEqual(range(0, 5))
      else expect(error?.code).toBe('LOG_DAMAGED')
    }
  })
})

describe('missing files', () => {
  const without = (...gone: string[]) =>
    new Map([...files].filter(([name]) => !gone.includes(name)))

  test('in the middle: an error that names the file', async () => {
    const { error } = await outcome(without(names[1]!))
    expect(error?.code).toBe('LOG_DAMAGED')
    expect(error?.message).toContain(
      `memory/${names[1]} is damaged at byte 0: it is missing, but ${names[2]} goes on from it`,
    )
    expect(error?.message).toContain('Restore the file from a copy')
  })

  test('at the beginning: trimmed', async () => {
    expect((await outcome(without(names[0]!))).numbers).toEqual(range(4, 9))
    expect((await outcome(without(names[0]!, names[1]!))).numbers).toEqual(range(6, 9))
  })

  test('all of them, while the log is open', async () => {
    const disk = diskOf(files)
    const { log } = await opened(disk)
    for (const name of names.toReversed()) {
      await disk.remove(name)
      const error = await failure(numbersOf(log.read()))
      expect(error.message).toContain(`memory/${lastName} is damaged at byte 0: it is missing`)
    }
  })

  test('at the end: seen by who knows a later place', async () => {
    const { log: whole } = await opened(diskOf(files))
    const { end } = whole
    const { log } = await opened(diskOf(without(lastName)))
    expect(await numbersOf(log.read())).toEqual(range(0, 5))
    expect((await failure(numbersOf(log.read(end)))).code).toBe('LOG_DAMAGED')
  })
})

test('a newer version of the format is told as such', async () => {
  const { error } = await outcome(
    replaced(
      lastName,
      changed(files.get(lastName)!, 8, () => 9),
    ),
  )
  expect(error?.code).toBe('FORMAT')
  expect(error?.message).toContain('format version 9')
})

test('a torn end is cut off when the log goes on, and is told once', async () => {
  const torn = files.get(lastName)!.subarray(0, -1)
  const disk = diskOf(replaced(lastName, torn))
  const { log, warnings } = await opened(disk)
  expect(warnings).toEqual([
    expect.stringMatching(/memory\/log-00000003 is torn at byte \d+: a frame is cut off/),
  ])
  await append(log, [9, 10])
  expect(await numbersOf(log.read())).toEqual(range(0, 10))
  await log.close()
  const next = await opened(disk)
  expect(next.warnings).toEqual([])
  expect(await numbersOf(next.log.read())).toEqual(range(0, 10))
  const left = disk.files().get(lastName)!
  expect(left.length).toBeLessThan(torn.length)
  expect(left).toEqual(torn.subarray(0, left.length))
  // From now on what is missing there has been acknowledged.
  disk.put(lastName, left.subarray(0, -40))
  expect((await failure(numbersOf(next.log.read()))).message).toMatch(/of 3 .* frames are missing/)
})

test('a log of which no beginning is good can only be a new one', async () => {
  const empty = new Uint8Array()
  expect((await outcome(new Map([[segmentName(1), empty]]))).numbers).toEqual([])
  const { error } = await outcome(new Map([[segmentName(4), empty]]))
  expect(error?.message).toContain('no file of the log has a good beginning')
})
