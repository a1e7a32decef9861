/**
 * Rows that become bytes and rows again, in the same partitions.
 *
 * What it can't catch: bytes of another version of the codec.
 */
import { expect, test } from 'vitest'
import { callOf } from '../../src/apply.ts'
import * as ops from '../../src/ops/index.ts'
import { awkward } from '../conformance/values.ts'
import { inContext } from '../context/rdd-support.ts'

const values = Object.values(awkward).flat()
const call = callOf('checkpoint')

test('rows of every kind come back the same, partition by partition', async () => {
  await inContext(async ssc => {
    const rows = ssc.parallelize(values, 7)
    const bytes = rows.through<Uint8Array>(call, ops.encodeRows)
    expect((await bytes.collect()).every(piece => piece instanceof Uint8Array)).toBe(true)
    const back = bytes.through<unknown>(call, ops.decodeRows)
    expect(await back.glom().collect()).toEqual(await rows.glom().collect())
  })
})

test('many rows make pieces of a thousand or so, an empty partition none', async () => {
  await inContext(async ssc => {
    const rows = ssc.parallelize(
      Array.from({ length: 2500 }, (_, i) => [i, `row ${i}`]),
      1,
    )
    const bytes = rows.through<Uint8Array>(call, ops.encodeRows)
    expect(await bytes.count()).toBe(3)
    expect(await bytes.through(call, ops.decodeRows).collect()).toEqual(await rows.collect())
    const none = ssc.parallelize([], 3).through(call, ops.encodeRows)
    expect(await none.glom().collect()).toEqual([[], [], []])
  })
})
