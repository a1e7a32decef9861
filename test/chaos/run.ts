/**
 * The fault campaigns: `npm run chaos -- --help` says how they are used.
 *
 *   run.ts ─┬─ simulation.ts ── jobs.ts, src/testing/simulate.ts     in this process, virtual time
 *           └─ kills.ts ── senders.ts, outputs.ts, child.ts ⇒ fixtures/job.ts, fixtures/points.ts
 */
import { parseArgs } from 'node:util'
import { killAll } from './child.ts'
import { type KillReport, killCampaign } from './kills.ts'
import { pointsOf, sourceKinds } from './points.ts'
import { simulateSeed } from './simulation.ts'

const help = `Usage: npm run chaos -- [options]

Runs five jobs in virtual time on disks that fail and crash, by seeds, and kills a real process
again and again. Whatever happens, what comes out must be what an undisturbed run gives.

  --seconds N  no new seed or kill after N seconds (default 300); a third is for the seeds
  --seed N     the first seed (default: by the clock); it is printed
  --seeds N    how many seeds (default 500); 0 for none
  --kills N    how many kills (default 30), of three kinds of sources; 0 for none
  --help       this text

A seed that fails is run again by  npm run chaos -- --seed N --seeds 1 --kills 0
The exit code is 1 where anything was wrong.`

const seedShare = 1 / 3

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Shows one line that replaces itself, on a terminal only. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
}

function numberOption(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text)
  if (Number.isInteger(value) && value >= 0) return value
  print(`--${name} ${text}: give a whole number from 0 up`)
  process.exit(2)
}

/** Runs seeds until there are enough, or the time is over; resolves to how many were wrong. */
async function simulateAll(first: number, count: number, until: number): Promise<number> {
  let [done, lives, crashes, failed] = [0, 0, 0, 0]
  for (let seed = first; seed < first + count && performance.now() < until; seed++) {
    const report = await simulateSeed(seed)
    done++
    lives += report.lives
    crashes += report.crashes
    progress(`seed ${seed}: ${report.job}, ${done} of ${count}`)
    if (report.fault === undefined) continue
    failed++
    progress('')
    print(`FAILED: seed ${seed}, ${report.job}: ${report.fault}`)
    print(report.story.join('\n'))
  }
  progress('')
  const range = done > 0 ? `, ${first} to ${first + done - 1}` : ''
  print(`simulated: ${done} of ${count} seeds${range}; ${lives} lives, ${crashes} crashes`)
  print(`           ${failed} failed`)
  return failed
}

/** Kills by point, a line each, with a column a kind of source. */
function killTable(reports: readonly KillReport[]): string {
  const points = ['random', ...new Set(sourceKinds.flatMap(kind => pointsOf[kind]))] as const
  const row = (name: string, cells: readonly (string | number)[]): string =>
    name.padEnd(20) + cells.map(cell => String(cell).padStart(10)).join('')
  const sums = points.map(point => reports.map(({ kills }) => kills.get(point) ?? 0))
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
  const named = sum(sums.slice(1).flat())
  const all = named + sum(sums[0]!)
  const titles = reports.map(({ kind }) => kind)
  return [
    row('killed at', [...titles, 'all']),
    ...points.map((point, i) => row(point, [...sums[i]!, sum(sums[i]!)])),
    row(
      'rows',
      reports.map(({ rows }) => rows),
    ),
    row(
      'batches',
      reports.map(({ batches }) => batches),
    ),
    `${all} kills, ${named} of them at named points`,
  ].join('\n')
}

/** Kills jobs of every kind of source; resolves to how many campaigns were wrong. */
async function killAllKinds(seed: number, kills: number, until: number): Promise<number> {
  const reports: KillReport[] = []
  const kinds = sourceKinds.slice(0, kills)
  for (const [i, kind] of kinds.entries()) {
    const own = Math.floor(kills / kinds.length) + (i < kills % kinds.length ? 1 : 0)
    const left = until - performance.now()
    const report = await killCampaign({
      kind,
      kills: own,
      seed: seed + i,
      until: performance.now() + left / (kinds.length - i),
      progress,
    })
    progress('')
    reports.push(report)
    for (const fault of report.faults) print(`FAILED: ${kind}, seed ${seed}: ${fault}`)
  }
  print(killTable(reports))
  return reports.filter(({ faults }) => faults.length > 0).length
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    kills: { type: 'string' },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  print(help)
  process.exit(0)
}
const seconds = numberOption('seconds', values.seconds, 300)
const seed = numberOption('seed', values.seed, Date.now() % 1_000_000)
const seeds = numberOption('seeds', values.seeds, 500)
const kills = numberOption('kills', values.kills, 30)

process.on('SIGINT', () => void killAll().then(() => process.exit(1)))

const begun = performance.now()
const ms = seconds * 1000
print(`seed ${seed}, ${seconds} seconds at most`)
const seedsUntil = begun + (kills > 0 ? ms * seedShare : ms)
const failedSeeds = seeds > 0 ? await simulateAll(seed, seeds, seedsUntil) : 0
const failedKills = kills > 0 ? await killAllKinds(seed, kills, begun + ms) : 0
const failed = failedSeeds + failedKills
const took = Math.round((performance.now() - begun) / 1000)
print(failed > 0 ? `FAILED, in ${took} s` : `all is well, in ${took} s`)
process.exit(failed > 0 ? 1 : 0)
