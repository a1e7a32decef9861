/** Bytes that no rows were made into; that others come back is tested in encode-rows. */
import { expect, test } from 'vitest'
import { callOf } from '../../src/apply.ts'
import * as ops from '../../src/ops/index.ts'
import { inContext } from '../context/rdd-support.ts'

test('bytes that are no rows fail the job, with the place', async () => {
  await inContext(async ssc => {
    const bytes = ssc.parallelize([new Uint8Array([200, 1, 2])], 1)
    const rows = bytes.through(callOf('checkpoint'), ops.decodeRows)
    await expect(rows.collect()).rejects.toThrow('checkpoint')
  })
})
