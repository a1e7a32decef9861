/**
 * A function of two numbers over group ids: what a key has come to lies in memory beside the keys,
 * so V8 reads and writes plain numbers and nothing is allocated.
 */
import { type ColumnCode, GiveUp } from '../../engine/column-kernel.ts'

/** Reduces `rows` numbers at index `values` into those at index `numbers`, by group id. */
export type NumberLoop = (
  u32: Uint32Array,
  gids: number,
  f64: Float64Array,
  values: number,
  rows: number,
  numbers: number,
  seen: number,
) => void

/**
 * A loop of its own for every stage, so that V8 inlines the stage's function. It gives up where the
 * function does not return a number.
 */
export function numberLoop(c: ColumnCode, index: number): NumberLoop {
  const source = `'use strict';
return (u32, gids, f64, values, rows, numbers, seen) => {
  let value = 0;
  try {
    for (let i = 0; i < rows; i++) {
      const gid = u32[gids + i];
      value = f64[values + i];
      if (gid === seen) { f64[numbers + gid] = value; seen++; continue; }
      const result = merge(f64[numbers + gid], value);
      if (typeof result !== 'number') throw noNumber;
      f64[numbers + gid] = result;
    }
  } catch (error) { throw error === noNumber ? error : failed(error, value); }
}`
  const noNumber = new GiveUp('a reducer of numbers that returns something else')
  const make = new Function('merge', 'failed', 'noNumber', source)
  return make(c.fn(index), c.failed, noNumber) as NumberLoop
}
