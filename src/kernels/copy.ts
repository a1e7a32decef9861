/** Bytes filled and copied: methods of a shared typed array take several times as long. */
import { copyText } from './memory'

/** Writes zeros to `bytes` bytes. */
export function zeroBytes(to: usize, bytes: usize): void {
  memory.fill(to, 0, bytes)
}

/** Copies `bytes` bytes; the two places may overlap. */
export function copyBytes(to: usize, from: usize, bytes: usize): void {
  memory.copy(to, from, bytes)
}

/** Writes the view at `view` to `n` views. */
export function fillViews(out: usize, n: u32, view: usize): void {
  const end = out + (n << 4)
  const value = v128.load(view)
  for (; out !== end; out += 16) v128.store(out, value)
}

/** Bytes of those of `n` texts that lie in [low, high), and not in their views. */
export function longBytesIn(views: usize, n: u32, low: usize, high: usize): usize {
  const end = views + (n << 4)
  let sum: usize = 0
  for (; views !== end; views += 16) {
    if (isLongIn(views, low, high)) sum += load<u32>(views)
  }
  return sum
}

/**
 * Copies the texts that lie in [low, high) to `target`, one behind the other, and lets the views
 * point there.
 *
 * @returns Number of bytes copied, which is `longBytesIn`.
 */
export function copyLongIn(views: usize, n: u32, low: usize, high: usize, target: usize): usize {
  const end = views + (n << 4)
  const first = target
  for (; views !== end; views += 16) {
    if (!isLongIn(views, low, high)) continue
    const length = load<u32>(views)
    copyText(target, load<u32>(views, 8), length)
    store<u32>(views, target, 8)
    target += length
  }
  return target - first
}

function isLongIn(view: usize, low: usize, high: usize): boolean {
  if (load<u32>(view) <= 12) return false
  const text: usize = load<u32>(view, 8)
  return text >= low && text < high
}
