/** What errors of the operating system become. What it can't catch: codes it does not list. */
import { expect, test } from 'vitest'
import { diskError } from '../../src/durable/disk-error.ts'
import { PeltonError } from '../../src/errors.ts'

const cases: [code: string, problem: string, remedy: string][] = [
  ['ENOSPC', 'the disk is full', 'free some space'],
  ['EDQUOT', "the user's disk quota is used up", 'free some space or raise the quota'],
  ['EACCES', 'permission is denied', 'let the user of this process read and write there'],
  ['EROFS', 'the file system is read-only', 'mount it writable or choose another directory'],
]

test.each(cases)('%s: the file, the problem and what to do', (code, problem, remedy) => {
  const cause = Object.assign(new Error('from the system'), { code })
  const error = diskError(cause, 'write', 'state/log-00000001')
  expect(error).toBeInstanceOf(PeltonError)
  expect([error.code, error.cause]).toEqual(['DISK', cause])
  expect(error.message).toBe(
    `Can't write state/log-00000001: ${problem} (${code}). Remedy: ${remedy}. ` +
      'No file was overwritten.',
  )
})

test('other errors keep their own words', () => {
  const named = diskError(
    Object.assign(new Error('EWEIRD: so it is'), { code: 'EWEIRD' }),
    'a',
    'b',
  )
  expect(named.message).toBe("Can't a b: EWEIRD: so it is. No file was overwritten.")
  expect(diskError('words', 'a', 'b').message).toContain('"words"')
})
