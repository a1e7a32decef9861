/**
 * Strict equality of plain data: tells apart 0 and -0, null and undefined, an absent key, a hole,
 * the order of keys, and own `__proto__` keys. Returns the path of the first difference, or null.
 */
export function difference(a: unknown, b: unknown, path = '$', seen = new Map()): string | null {
  if (Object.is(a, b)) return null
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return `${path}: ${show(a)} is not ${show(b)}`
  }
  if (seen.has(a)) return seen.get(a) === b ? null : `${path}: another reference`
  seen.set(a, b)
  const tag = Object.prototype.toString.call(a)
  if (tag !== Object.prototype.toString.call(b)) return `${path}: ${tag} is not another type`
  return (
    builtinDifference(a, b, path, seen) ??
    (ArrayBuffer.isView(a) ? null : propertyDifference(a, b, path, seen))
  )
}

function show(value: unknown): string {
  return Object.is(value, -0) ? '-0' : `${typeof value} ${String(value)}`
}

function builtinDifference(a: object, b: object, path: string, seen: Map<any, any>) {
  if (Array.isArray(a)) {
    if (a.length !== (b as unknown[]).length) return `${path}: lengths differ`
  } else if (a instanceof Date) {
    return difference(a.getTime(), (b as Date).getTime(), `${path} as time`, seen)
  } else if (a instanceof RegExp) {
    return difference(String(a), String(b), `${path} as source`, seen)
  } else if (a instanceof Map) {
    return difference([...a], [...(b as Map<unknown, unknown>)], `${path} entries`, seen)
  } else if (a instanceof Set) {
    return difference([...a], [...(b as Set<unknown>)], `${path} items`, seen)
  } else if (a instanceof ArrayBuffer) {
    return bytesDifference(new Uint8Array(a), new Uint8Array(b as ArrayBuffer), path)
  } else if (ArrayBuffer.isView(a)) {
    return bytesDifference(bytesOf(a), bytesOf(b as ArrayBufferView), path)
  } else if (a instanceof Error) {
    const other = b as Error
    if (a.name !== other.name || a.message !== other.message) return `${path}: another error`
    return difference(a.stack, other.stack, `${path}.stack`, seen)
  } else if (a instanceof Number || a instanceof String || a instanceof Boolean) {
    return difference(a.valueOf(), b.valueOf(), `${path} value`, seen)
  }
  return null
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

function bytesDifference(a: Uint8Array, b: Uint8Array, path: string): string | null {
  return Buffer.compare(a, b) === 0 ? null : `${path}: bytes differ`
}

function propertyDifference(a: object, b: object, path: string, seen: Map<any, any>) {
  if (a instanceof Error) return null
  const keys = Object.keys(a)
  const others = Object.keys(b)
  if (keys.join('\0') !== others.join('\0') || keys.length !== others.length) {
    return `${path}: keys ${JSON.stringify(keys)} are not ${JSON.stringify(others)}`
  }
  for (const key of keys) {
    const found = difference((a as any)[key], (b as any)[key], `${path}.${key}`, seen)
    if (found !== null) return found
  }
  return null
}
