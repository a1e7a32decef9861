/** Follows captured names into their values without running any code of the user's. */
import { types } from 'node:util'
import { Broadcast } from './shared.ts'
import { kindOf } from './values.ts'

/**
 * A look at one step of a value for `changesData`: own data only, so that no code of the user's
 * runs.
 */
export function lookInto(value: unknown, step: unknown): readonly unknown[] {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return []
  if (types.isProxy(value)) return []
  if (value instanceof Broadcast) return step === 'value' ? [value.value] : []
  if (typeof step === 'string') {
    if (types.isModuleNamespaceObject(value)) return readable(value, step)
    const found = Object.getOwnPropertyDescriptor(value, step)
    return found && 'value' in found ? [found.value] : []
  }
  if (types.isMap(value)) return first(value.values())
  if (Array.isArray(value)) return value.slice(0, 100)
  const kind = kindOf(value)
  if (kind !== 'object' && kind !== 'null object') return []
  return first(Object.getOwnPropertyNames(value)).flatMap(key => lookInto(value, key))
}

/** A few elements stand for all: collections rarely mix kinds. */
function first<T>(items: Iterable<T>): T[] {
  const taken: T[] = []
  for (const item of items) {
    if (taken.push(item) >= 100) break
  }
  return taken
}

function readable(namespace: object, key: string): unknown[] {
  try {
    return [(namespace as Record<string, unknown>)[key]]
  } catch {
    return []
  }
}
