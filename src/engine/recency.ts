/**
 * What was used longest ago. Uses are counted, and looked through when something has to go. To
 * delete an entry of a Map and set it again at every use would keep its order, but makes a new
 * table of the Map's every few uses, and V8 keeps those until a collection of the whole heap.
 */
export interface Used {
  /** Count of uses at its last one. */
  lastUse: number
}

/**
 * The key of what was used longest ago, of all that `mayGo`.
 *
 * @example
 * if (records.size >= recordsMax) records.delete(leastRecent(records)!)
 */
export function leastRecent<K, V extends Used>(
  entries: ReadonlyMap<K, V>,
  mayGo: (value: V) => boolean = () => true,
): K | undefined {
  let found: K | undefined
  let least = Number.POSITIVE_INFINITY
  for (const [key, value] of entries) {
    if (value.lastUse >= least || !mayGo(value)) continue
    found = key
    least = value.lastUse
  }
  return found
}
