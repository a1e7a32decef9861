import { parentPort, workerData } from 'node:worker_threads'
import { Block } from '../../src/columnar/block.ts'

const { buffer, ptr } = workerData as { buffer: SharedArrayBuffer; ptr: number }
const block = Block.open(
  {
    u8: new Uint8Array(buffer),
    u32: new Uint32Array(buffer),
    f64: new Float64Array(buffer),
    i64: new BigInt64Array(buffer),
    bytes: Buffer.from(buffer),
  },
  ptr,
)
parentPort!.postMessage({
  signature: block.signature,
  rows: Array.from(block.decode(0, block.rows)),
})
