/** Expressions over vectors of columns: see `columns/compile.ts`. */

export { truthOf } from './columns/boolean.ts'
export { compileColumns, simplified, whyNoType } from './columns/compile.ts'
export { hasIds, onlyMoves, withoutIds, writtenOut } from './columns/dictionary.ts'
export {
  addressOf,
  type ColumnExpression,
  type ColumnMachine,
  type ColumnShape,
  type ColumnValue,
  type ColumnVector,
  lazyValues,
  newMachineState,
} from './columns/shapes.ts'
export { columnOf, filled, itemType, shapeOfType, textAt, valuesOf } from './columns/values.ts'
