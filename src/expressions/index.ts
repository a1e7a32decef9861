export { evaluate } from './evaluate.ts'
export {
  type Binary,
  type BinaryOperator,
  binary,
  children,
  conditional,
  constant,
  type Expression,
  field,
  item,
  type LogicalOperator,
  local,
  type Primitive,
  parameter,
  substitute,
  type UnaryOperator,
  usesOf,
  withChildren,
  withParameters,
} from './expression.ts'
export { format } from './format.ts'
export {
  globalFunctions,
  mathFunctions,
  methods,
  patternCalls,
  type ResultKind,
  type Signature,
  takesArguments,
} from './methods.ts'
export { type Specialised, specialise, typeOf, type Untyped } from './specialise.ts'
