/**
 * How the functions of a step may run: as kernels, once for equal rows, or row by row. Decided by
 * their source alone; that kernels know the columns at hand is seen when the rows are there.
 */
import {
  Broadcast,
  type PortableFunction,
  portable,
  portableValue,
  sharedById,
} from '../functions/index.ts'
import { lift, reducerOf } from '../functions/lift.ts'
import { isPure } from '../functions/purity.ts'
import type { Step } from './dag.ts'
import type { BuiltinFunction, LiftedFunction, PureResults } from './program.ts'

/** Known as an expression; called once for equal rows; called for every row. */
export type Gear = 'lifted' | 'distinct' | 'row'

/** Which gears are wanted: all, or at most the named one with the row loop below it. */
export type GearLimit = 'auto' | Gear

/** What a function is known to be. */
export interface FunctionGear {
  readonly gear: Gear
  /** Its expression, where it is known and wanted. */
  readonly lifted: LiftedFunction | undefined
  /** What equal rows may share of its result; undefined where they may not. */
  readonly pure: PureResults | undefined
  /** Why it is in no higher gear, in words that follow "the function"; none for the highest. */
  readonly reason: string | undefined
  /** Line in the function's file that the reason is about, from 1. */
  readonly line: number | undefined
}

/** The gear of a step as a whole: the lowest of its functions'. */
export interface StepGear {
  readonly gear: Gear
  readonly reason: string | undefined
  readonly line: number | undefined
}

const builtin: FunctionGear = {
  gear: 'lifted',
  lifted: undefined,
  pure: undefined,
  reason: undefined,
  line: undefined,
}
const order: readonly Gear[] = ['lifted', 'distinct', 'row']

/**
 * The gear that a step gets at most, and why none above it: for messages. Reads the values that its
 * functions captured as they are now, where the context has not started.
 *
 * @example
 * const { gear, reason } = gearOf(node.step, 'auto')
 * if (reason) lines.push(`${gear}: the function ${reason}`)
 */
export function gearOf(step: Step, limit: GearLimit): StepGear {
  const functions = portableOf(step)
  const noKernel = step.operator.columns === undefined
  const gears = functionGears(step, functions, limit)
  const lowest = gears.reduce<FunctionGear>(
    (low, one) => (order.indexOf(one.gear) > order.indexOf(low.gear) ? one : low),
    builtin,
  )
  if (lowest.gear === 'lifted' && (noKernel || limit === 'row')) {
    const reason = noKernel ? `is for ${step.label}, which has no kernel` : notWanted(limit)
    return { gear: 'row', reason, line: undefined }
  }
  const { gear, reason, line } = lowest
  return { gear, reason, line }
}

function portableOf(step: Step): readonly (PortableFunction | BuiltinFunction)[] {
  return step.portable ?? step.functions.map(fn => ('builtin' in fn ? fn : portable(fn)))
}

/**
 * Whether the first function of a step is a reducer that kernels have, such as a sum, whatever gear
 * is wanted.
 */
export function isReducer(step: Step): boolean {
  let known = reducers.get(step)
  if (known === undefined) {
    const [first] = functionGears(step, portableOf(step), 'auto')
    reducers.set(step, (known = first?.lifted?.reducer !== undefined))
  }
  return known
}

const reducers = new WeakMap<Step, boolean>()

/** What each function of a step is known to be. */
export function functionGears(
  step: Step,
  functions: readonly (PortableFunction | BuiltinFunction)[],
  limit: GearLimit,
): readonly FunctionGear[] {
  return functions.map(fn => ('builtin' in fn ? builtin : functionGear(step, fn, limit)))
}

function functionGear({ operator }: Step, fn: PortableFunction, limit: GearLimit): FunctionGear {
  const none = { lifted: undefined, pure: undefined, line: undefined }
  if (limit === 'row') return { ...none, gear: 'row', reason: notWanted(limit) }
  const { arity = 1 } = operator
  const options = { arity, broadcasts: broadcastValue }
  const shares = operator.distinct === true && limit !== 'lifted'
  const purity = shares ? isPure(fn, options) : undefined
  const pure = purity?.pure ? { items: purity.items } : undefined
  if (limit === 'distinct') {
    if (pure) return { ...none, gear: 'distinct', pure, reason: notWanted(limit) }
    const reason = purity?.pure === false ? purity.reason : notWanted(limit)
    return { ...none, gear: 'row', reason }
  }
  const known = lift(fn, options)
  if ('reason' in known) {
    const { reason, line } = known
    return { ...none, gear: pure ? 'distinct' : 'row', pure, reason, line }
  }
  const reducer = arity === 2 ? reducerOf(known) : undefined
  const lifted = { expression: known.expression, reducer }
  return { gear: 'lifted', lifted, pure, reason: undefined, line: undefined }
}

function notWanted(limit: GearLimit): string {
  return `runs in the gear that was asked for, '${limit}'`
}

const values = new WeakMap<Broadcast<unknown>, PortableFunction>()

/** The value of a broadcast in the form that travels, made once; undefined when nobody holds it. */
export function broadcastValue(id: number): PortableFunction | undefined {
  const shared = sharedById(id)
  if (!(shared instanceof Broadcast)) return undefined
  let value = values.get(shared)
  if (!value) {
    value = portableValue(shared.value, 'broadcast', { operator: 'broadcast', place: undefined })
    values.set(shared, value)
  }
  return value
}
