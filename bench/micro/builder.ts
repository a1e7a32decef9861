import type { Bench } from 'tinybench'
import { Arena } from '../../src/columnar/arena.ts'
import { Block } from '../../src/columnar/block.ts'
import { BlockBuilder, blockFromColumns } from '../../src/columnar/builder.ts'

const OWNER = 1
const ROWS = 1000

/** Rows into blocks and back, a thousand a call, for the row types of the workloads. */
export function addBuilder(bench: Bench): void {
  const arena = Arena.create({ limitBytes: 2 ** 28 })
  const rows: Record<string, (i: number) => unknown> = {
    numbers: i => i / 2,
    words: i => `word${i}`,
    '[word, number] pairs': i => [`word${i}`, i],
    objects: i => ({ user: `user${i}`, clicks: i }),
  }
  for (const [name, make] of Object.entries(rows)) {
    const values = Array.from({ length: ROWS }, (_, i) => make(i))
    const builder = new BlockBuilder()
    const seal = (): number => {
      for (const value of values) builder.append(value)
      return builder.seal(arena, OWNER).ptr
    }
    bench.add(`builder: append and seal ${ROWS} ${name}`, () => arena.free(seal()))
    const held = seal()
    bench.add(`block: decode ${ROWS} ${name}`, () => {
      const block = Block.open(arena, held)
      return Array.from(block.decode(0, block.rows)).length
    })
  }
  const column = Float64Array.from({ length: ROWS }, (_, i) => i)
  bench.add(`builder: a block from two columns of ${ROWS} numbers`, () => {
    arena.free(blockFromColumns(arena, OWNER, [column, column]).ptr)
  })
}
