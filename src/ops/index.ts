/** The registry: every operator by name. */
import type { Operator } from '../engine/operator.ts'
import { cogroup } from './cogroup.ts'
import { combineByKey } from './combine-by-key.ts'
import { count } from './count.ts'
import { countByValue } from './count-by-value.ts'
import { decodeRows } from './decode-rows.ts'
import { distinct } from './distinct.ts'
import { encodeRows } from './encode-rows.ts'
import { filter } from './filter.ts'
import { flatMap } from './flat-map.ts'
import { flatMapValues } from './flat-map-values.ts'
import { foreachPartition } from './foreach-partition.ts'
import { glom } from './glom.ts'
import { groupByKey } from './group-by-key.ts'
import { join } from './join.ts'
import { loadObjects } from './load-objects.ts'
import { map } from './map.ts'
import { asyncParams, mapAsync } from './map-async.ts'
import { mapPartitions } from './map-partitions.ts'
import { mapState } from './map-state.ts'
import { mapValues } from './map-values.ts'
import { partitionBy } from './partition-by.ts'
import { pipe } from './pipe.ts'
import { reduce } from './reduce.ts'
import { reduceByKey } from './reduce-by-key.ts'
import { repartition } from './repartition.ts'
import { restoreStates } from './restore-states.ts'
import { sample, sampleParams } from './sample.ts'
import { sampleByKey } from './sample-by-key.ts'
import { saveLines } from './save-lines.ts'
import { saveObjects } from './save-objects.ts'
import { saveText } from './save-text.ts'
import { slideFold } from './slide-fold.ts'
import { sliding } from './sliding.ts'
import { sorted } from './sorted.ts'
import { source } from './source.ts'
import { state } from './state.ts'
import { stateChanges } from './state-changes.ts'
import { stateSnapshots } from './state-snapshots.ts'
import { tap } from './tap.ts'
import { top } from './top.ts'
import { transform } from './transform.ts'
import { union } from './union.ts'
import { updateState } from './update-state.ts'
import { updateStates } from './update-states.ts'
import { window } from './window.ts'
import { zipPartitions } from './zip-partitions.ts'
import { zipWithIndex } from './zip-with-index.ts'
import { zipWithUniqueId } from './zip-with-unique-id.ts'

const all: readonly Operator[] = [
  cogroup,
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
  join,
  map,
  mapAsync,
  mapPartitions,
  stateSnapshots,
  partitionBy,
  mapState,
  mapValues,
  reduce,
  reduceByKey,
  repartition,
  saveText,
  sample,
  slideFold,
  sliding,
  source,
  sorted,
  state,
  tap,
  top,
  transform,
  union,
  updateState,
  updateStates,
  window,
  zipWithIndex,
  loadObjects,
  pipe,
  sampleByKey,
  saveLines,
  saveObjects,
  zipPartitions,
  zipWithUniqueId,
  encodeRows,
  decodeRows,
  restoreStates,
  stateChanges,
]

export const operators: ReadonlyMap<string, Operator> = new Map(all.map(op => [op.name, op]))

export {
  asyncParams,
  cogroup,
  combineByKey,
  count,
  countByValue,
  decodeRows,
  distinct,
  encodeRows,
  filter,
  flatMap,
  flatMapValues,
  foreachPartition,
  glom,
  groupByKey,
  join,
  loadObjects,
  map,
  mapAsync,
  mapPartitions,
  mapState,
  mapValues,
  partitionBy,
  pipe,
  reduce,
  reduceByKey,
  repartition,
  restoreStates,
  sample,
  sampleByKey,
  sampleParams,
  saveLines,
  saveObjects,
  saveText,
  slideFold,
  sliding,
  sorted,
  source,
  state,
  stateChanges,
  stateSnapshots,
  tap,
  top,
  transform,
  union,
  updateState,
  updateStates,
  window,
  zipPartitions,
  zipWithIndex,
  zipWithUniqueId,
}
