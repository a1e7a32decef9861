/**
 * Rows that come from outside: a receiver's blocks, a queue, files, or a collection.
 *
 * @example
 * ssc.socketTextStream('localhost', 9999)
 */
import type { Operator } from '../engine/operator.ts'

export const source: Operator = { name: 'source', onAbsent: 'pass' }
