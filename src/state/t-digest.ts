/**
 * Quantiles of numbers in a few kilobytes: the merging t-digest of Dunning and Ertl (2019, arXiv
 * 1902.04023, algorithm 1), with their scale function k₁, which keeps the ends fine:
 *
 *   k(q) = δ / 2π · asin(2q - 1)      a centroid covers at most 1 of k; δ is the compression
 *
 *   rank   0 ├┤├─┤├──┤├───────┤├─────────┤├───────┤├──┤├─┤├┤ 1
 *
 * Numbers come in as centroids of weight 1, and neighbours become one only where there are too many
 * of them. As long as none have, results are exact. After that a centroid that begins at the rank
 * q covers at most w = 2π / δ · √(q(1 - q)) + (π / δ)² of all, and a result lies between the
 * middles of two neighbours. So its rank is off by about a third of w; where centroids of joined
 * digests overlap, or few different values leave gaps, by up to two w.
 */

/** Centroids of numbers, in no order: plain data, so that it travels and lies in blocks. */
export interface Digest {
  readonly compression: number
  means: number[]
  weights: number[]
  min: number
  max: number
}

/** Centroids that may wait to be merged, as multiples of those that stay at most. */
const waitingFactor = 5

/** A digest of no numbers. */
export function emptyDigest(compression: number): Digest {
  return { compression, means: [], weights: [], min: Infinity, max: -Infinity }
}

/** Adds a number to a digest, which changes, and gives it back. NaN has no rank and is left out. */
export function digested(digest: Digest, value: number): Digest {
  if (Number.isNaN(value)) return digest
  return withCentroid(digest, value, 1, value, value)
}

/** Adds what another digest holds to the first, which changes, and gives it back. */
export function joinedDigest(digest: Digest, other: Digest): Digest {
  for (let i = 0; i < other.means.length; i++) {
    withCentroid(digest, other.means[i]!, other.weights[i]!, other.min, other.max)
  }
  return digest
}

function withCentroid(
  digest: Digest,
  mean: number,
  weight: number,
  min: number,
  max: number,
): Digest {
  digest.means.push(mean)
  digest.weights.push(weight)
  if (min < digest.min) digest.min = min
  if (max > digest.max) digest.max = max
  if (digest.means.length > waitingFactor * digest.compression) compress(digest)
  return digest
}

/** Has neighbours become one as far as the scale function allows. */
function compress(digest: Digest): void {
  const { compression } = digest
  const order = byMean(digest)
  const total = digest.weights.reduce((sum, weight) => sum + weight, 0)
  const means: number[] = []
  const weights: number[] = []
  let before = 0
  let limit = 0
  for (const i of order) {
    const [mean, weight] = [digest.means[i]!, digest.weights[i]!]
    const last = means.length - 1
    if (last >= 0 && (before + weights[last]! + weight) / total <= limit) {
      weights[last]! += weight
      // Infinity is as far from itself as NaN, and stays where it is.
      if (mean !== means[last]!) means[last]! += ((mean - means[last]!) * weight) / weights[last]!
    } else {
      if (last >= 0) before += weights[last]!
      limit = rankBehind(before / total, compression)
      means.push(mean)
      weights.push(weight)
    }
  }
  digest.means = means
  digest.weights = weights
}

/** Where a centroid must end that begins at a rank: k⁻¹(k(q) + 1). */
function rankBehind(q: number, compression: number): number {
  const angle = Math.asin(2 * Math.min(q, 1) - 1) + (2 * Math.PI) / compression
  return angle >= Math.PI / 2 ? 1 : (Math.sin(angle) + 1) / 2
}

function byMean({ means }: Digest): number[] {
  // Infinity less itself is NaN, which leaves them in their order too.
  return means.map((_, i) => i).sort((a, b) => means[a]! - means[b]! || a - b)
}

/**
 * The numbers below which those parts of all lie: between neighbours by a straight line, the
 * definition 7 of Hyndman and Fan (1996), which most software has. NaN of no numbers.
 */
export function quantilesOf(digest: Digest, qs: readonly number[]): number[] {
  const { means, weights, min, max } = digest
  if (means.length === 0) return qs.map(() => Number.NaN)
  // Places are 0 to n - 1; a centroid stands in the middle of those that it covers.
  const [places, values] = [[0], [min]]
  let before = 0
  for (const i of byMean(digest)) {
    places.push(before + (weights[i]! - 1) / 2)
    values.push(means[i]!)
    before += weights[i]!
  }
  places.push(before - 1)
  values.push(max)
  return qs.map(q => {
    // Joined digests overlap: the centroid with the greatest mean may lack the greatest number.
    if (q === 0 || q === 1) return q === 0 ? min : max
    const place = q * (before - 1)
    const at = places.findIndex(other => other >= place)
    if (places[at] === place || at <= 0) return values[Math.max(0, at)]!
    const [from, to] = [places[at - 1]!, places[at]!]
    const [low, high] = [values[at - 1]!, values[at]!]
    return low === high ? low : low + ((high - low) * (place - from)) / (to - from)
  })
}
