/** The registry: every operator by name. */
import type { Operator } from '../engine/operator.ts'
import { combineByKey } from './combine-by-key.ts'
import { count } from './count.ts'
import { countByValue } from './count-by-value.ts'
import { distinct } from './distinct.ts'
import { filter } from './filter.ts'
import { flatMap } from './flat-map.ts'
import { flatMapValues } from './flat-map-values.ts'
import { foreachPartition } from './foreach-partition.ts'
import { glom } from './glom.ts'
import { groupByKey } from './group-by-key.ts'
import { map } from './map.ts'
import { mapPartitions } from './map-partitions.ts'
import { mapValues } from './map-values.ts'
import { reduce } from './reduce.ts'
import { reduceByKey } from './reduce-by-key.ts'
import { repartition } from './repartition.ts'
import { saveText } from './save-text.ts'
import { source } from './source.ts'
import { transform } from './transform.ts'
import { union } from './union.ts'
import { window } from './window.ts'

const all: readonly Operator[] = [
  combineByKey,
  count,
  countByValue,
  distinct,
  filter,
  flatMap,
  flatMapValues,
  foreachPartition,
  glom,
  groupByKey,
  map,
  mapPartitions,
  mapValues,
  reduce,
  reduceByKey,
  repartition,
  saveText,
  source,
  transform,
  union,
  window,
]

export const operators: ReadonlyMap<string, Operator> = new Map(all.map(op => [op.name, op]))

export {
  combineByKey,
  count,
  countByValue,
  distinct,
  filter,
  flatMap,
  flatMapValues,
  foreachPartition,
  glom,
  groupByKey,
  map,
  mapPartitions,
  mapValues,
  reduce,
  reduceByKey,
  repartition,
  saveText,
  source,
  transform,
  union,
  window,
}
