/** Expressions over the columns of a real block, outside of any engine. */
import { buildKernels } from '../../scripts/build-kernels.ts'
import { Arena } from '../../src/columnar/arena.ts'
import { Block } from '../../src/columnar/block.ts'
import { BlockBuilder } from '../../src/columnar/builder.ts'
import { openKernels } from '../../src/columnar/kernels.ts'
import type { ColumnType } from '../../src/columnar/schema.ts'
import { Scratch } from '../../src/columnar/scratch.ts'
import { columnSource } from '../../src/engine/column-source.ts'
import { OpenBlocks } from '../../src/engine/open-blocks.ts'
import { valuesOf } from '../../src/expressions/columns/values.ts'
import {
  type ColumnMachine,
  type ColumnShape,
  compileColumns,
  newMachineState,
} from '../../src/expressions/columns.ts'
import type { Expression } from '../../src/expressions/index.ts'

buildKernels()

export interface ColumnRun {
  /** Type of the block's rows. */
  readonly type: ColumnType
  /** Shape of the result, or undefined where the expression did not compile. */
  readonly shape: ColumnShape | undefined
  /** Whether some part of it calls JavaScript for every row. */
  readonly calls: boolean
  readonly rows: unknown[]
  /** Values that kernels computed, and those for which JavaScript was called. */
  readonly kernelValues: number
  readonly calledValues: number
}

const owner = 7

export class ColumnBench {
  readonly arena = Arena.create({ limitBytes: 512 * 2 ** 20 })
  readonly machine: ColumnMachine
  readonly scratch: Scratch

  constructor() {
    const { arena } = this
    this.scratch = new Scratch(arena, owner, 2 ** 20)
    this.machine = {
      kernels: openKernels(arena.handle().memory),
      scratch: this.scratch,
      memory: arena,
      state: newMachineState(),
      words: () => arena.u32,
    }
  }

  /** The expression over the rows as columns of a block, in vectors as the engine makes them. */
  run(expression: Expression, rows: readonly unknown[]): ColumnRun {
    const { arena, machine } = this
    const builder = new BlockBuilder()
    for (const row of rows) builder.append(row)
    const { ptr } = builder.seal(arena, owner)
    try {
      const { type } = Block.open(arena, ptr)
      const piece = { kind: 'block', ptr, from: 0, to: rows.length } as const
      const source = columnSource(arena, piece, new OpenBlocks(arena))!
      const compiled = compileColumns(expression, [source.shape], machine)
      Object.assign(machine.state, newMachineState())
      const out: unknown[] = []
      const { shape } = compiled ?? {}
      if (compiled && shape) {
        source.open(
          machine,
          vector => {
            const value = compiled.run(vector)
            const values = valuesOf(machine, value, shape, vector.rows)
            for (let i = 0; i < vector.rows; i++) out.push(values[i])
          },
          () => false,
        )
      }
      const { kernelValues, calledValues } = machine.state
      const calls = compiled?.calls ?? true
      return { type, shape, calls, rows: out, kernelValues, calledValues }
    } finally {
      this.scratch.reset()
      arena.free(ptr)
    }
  }
}
