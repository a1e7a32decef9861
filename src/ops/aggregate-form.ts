/**
 * What an aggregate is, how one is told from what is none, and several as one.
 *
 * @example
 * all({ n: aggregates.count(), mean: aggregates.mean() })
 */
import { badCall, type Caller, misused, type PeltonError, preview } from '../errors.ts'

/**
 * How values of type `V` come to a result of type `R` by accumulators of type `A`, plain data.
 *
 * - `create()` is neutral: merged with any accumulator it changes nothing. It gives a new one.
 * - `add` and `merge` may change `a` and give it back, and leave what else they get as it is.
 * - `merge` of parts is the whole, wherever values were cut; parts come in their order.
 * - `remove` undoes `merge` of the oldest part. Leave it out where nothing can undo it.
 * - `result` leaves the accumulator as it is.
 */
export interface Aggregate<V, A, R> {
  readonly create: () => A
  readonly add: (a: A, value: V) => A
  readonly merge: (a: A, b: A) => A
  readonly remove?: (a: A, b: A) => A
  readonly result: (a: A) => R
}

/** What all of them take. */
type ValueOf<P> = {
  [N in keyof P]: P[N] extends Aggregate<infer V, any, any> ? (value: V) => void : never
}[keyof P] extends (value: infer V) => void
  ? V
  : never

/** Values have the type that a stream's values have, or else that of what the parts take. */
export interface All {
  <V, R>(parts: { readonly [N in keyof R]: Aggregate<V, any, R[N]> }): Aggregate<V, unknown[], R>
  <P extends Readonly<Record<string, Aggregate<any, any, any>>>>(
    parts: P,
  ): Aggregate<
    ValueOf<P>,
    unknown[],
    { [N in keyof P]: P[N] extends Aggregate<any, any, infer R> ? R : never }
  >
}

/** The accumulators of all lie in an array, in the order of the names. */
export function all(
  parts: Readonly<Record<string, Aggregate<any, any, unknown>>>,
): Aggregate<unknown, unknown[], unknown> {
  if (typeof parts !== 'object' || parts === null) {
    throw badOption('all', `needs an object of aggregates; got ${preview(parts)}`, ' ')
  }
  const entries = Object.entries(parts)
  for (const [name, part] of entries) checkAggregate({ label: `aggregates.all: ${name}` }, part)
  const names = entries.map(entry => entry[0])
  const creates = entries.map(entry => entry[1].create)
  const adds = entries.map(entry => entry[1].add)
  const merges = entries.map(entry => entry[1].merge)
  const removes = entries.flatMap(entry => entry[1].remove ?? [])
  const results = entries.map(entry => entry[1].result)
  return {
    create: () => creates.map(create => create()),
    add: (all, value) => all.map((a, i) => adds[i]!(a, value)),
    merge: (all, others) => all.map((a, i) => merges[i]!(a, others[i])),
    ...(removes.length === names.length && {
      remove: (all: unknown[], others: unknown[]) => all.map((a, i) => removes[i]!(a, others[i])),
    }),
    result: all => Object.fromEntries(names.map((name, i) => [name, results[i]!(all[i])])),
  }
}

/** Throws unless a value is an aggregate. */
export function checkAggregate(caller: Caller, value: unknown): void {
  const given = Object(value) as Record<string, unknown>
  const missing = ['create', 'add', 'merge', 'result'].find(
    name => typeof given[name] !== 'function',
  )
  const { remove } = given
  if (missing === undefined && (remove === undefined || typeof remove === 'function')) return
  const isObject = typeof value === 'object' && value !== null
  const wrong = missing === undefined ? `whose remove is ${preview(remove)}` : `without ${missing}`
  throw misused(
    caller,
    'needs an aggregate, such as aggregates.sum(), or an object with the functions ' +
      `create, add, merge and result; got ${preview(value)}${isObject ? `, ${wrong}` : ''}`,
  )
}

/** What makes a key's accumulator of its first value. */
export function firstOf<V, A>({ create, add }: Aggregate<V, A, any>): (value: V) => A {
  return value => add(create(), value)
}

/** The accumulator of a partition's rows, as its only row. */
export function partOf<V, A>({ create, add }: Aggregate<V, A, any>): (rows: Iterable<V>) => A[] {
  return rows => {
    let a = create()
    for (const row of rows) a = add(a, row)
    return [a]
  }
}

/** What the accumulators of all partitions come to, in their order. */
export function wholeOf<A, R>({
  create,
  merge,
  result,
}: Aggregate<any, A, R>): (parts: Iterable<A>) => R {
  return parts => {
    let whole = create()
    for (const a of parts) whole = merge(whole, a)
    return result(whole)
  }
}

/** An error of an aggregate that was given what it can't use. */
export function badOption(name: string, problem: string, between = ': '): PeltonError {
  const label = `aggregates.${name}`
  return badCall({ label }, `${label}${between}${problem}`)
}
