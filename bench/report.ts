/** How results are printed: a table with ratios, or one JSON line a variant. */
import type { JobResult } from './jobs.ts'
import { WORKLOADS } from './workloads/index.ts'

const MEGABYTE = 1e6

/** One JSON line, without a newline. */
export function jsonLine(result: JobResult): string {
  return JSON.stringify(result)
}

/**
 * The table of one workload. The ratio is against plain JavaScript in the same run.
 *
 * @example
 * W2 keyed sum, 10,000,000 pairs
 *   variant   workers  seconds           spread  pairs/s  ratio  peak RSS
 *   pelton          2    0.150  0.148 … 0.160 s   66.7 M  30.1x    402 MB
 *   plain-js        1    4.520  4.500 … 4.610 s   2.21 M     1x    310 MB
 */
export function formatTable(results: readonly JobResult[]): string {
  const first = results[0]!
  const { title, rowName } = WORKLOADS[first.workload]
  const baseline = results.find(result => result.variant === 'plain-js')
  const header = ['variant', 'workers', 'seconds', 'spread', `${rowName}/s`, 'ratio', 'peak RSS']
  const rows = results.map(result => [
    result.variant,
    String(result.workers),
    seconds(result.seconds),
    `${seconds(result.spread[0])} … ${seconds(result.spread[1])} s`,
    rate(result.rowsPerSecond),
    baseline ? `${significant(baseline.seconds / result.seconds)}x` : '–',
    `${Math.round(result.peakRssBytes / MEGABYTE)} MB`,
  ])
  return [
    `${first.workload} ${title}, ${grouped(first.rows)} ${rowName}`,
    ...align([header, ...rows]).map(line => `  ${line}`),
    ...results.flatMap(result => countersLine(result) ?? []),
    '',
  ].join('\n')
}

/** What the engine reports: rows that took a slow way, and how the work was shared out. */
function countersLine({
  variant,
  workers,
  gear,
  counters,
  smallestShare = 0,
}: JobResult): string | undefined {
  if (!counters) return undefined
  const total = counters.rowsByWorker.reduce((sum, rows) => sum + rows, 0)
  const shares = counters.rowsByWorker.map(rows => percent(rows / (total || 1)))
  return (
    `  ${variant}, ${workers} workers, gear ${gear}: ${grouped(counters.tasks)} tasks, ` +
    `${grouped(counters.rowsOnMainThread)} rows on the main thread, ` +
    `${grouped(counters.fallbackRows)} rows in fallback columns, ` +
    `${grouped(counters.rowBytesThroughPorts)} row bytes through ports, ` +
    `rows by worker ${shares.join(' / ')} (smallest in a repetition ${percent(smallestShare)})`
  )
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`
}

/** Pads cells to columns: the first to the left, the others to the right. */
export function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map(row => row[i]!.length)))
  return rows.map(row =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}

/** Three significant digits, never in exponent form below a million. */
export function significant(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function seconds(value: number): string {
  return value < 0.1 ? value.toFixed(4) : value.toFixed(3)
}

function rate(value: number): string {
  return value >= 1e6 ? `${significant(value / 1e6)} M` : `${significant(value / 1e3)} k`
}

/** 1234567 as 1,234,567, whatever the locale. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US')
}
