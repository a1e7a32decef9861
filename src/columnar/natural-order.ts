/**
 * An order of all values that JavaScript's `<` knows: numbers (NaN last), strings by UTF-16 units,
 * booleans, bigints, dates; arrays item by item. Negative when `a` comes first.
 */
export function natural(a: unknown, b: unknown): number {
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const order = natural(a[i], b[i])
      if (order !== 0) return order
    }
    return a.length - b.length
  }
  const [x, y] = [a as number, b as number]
  if (x < y) return -1
  if (x > y) return 1
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
}
