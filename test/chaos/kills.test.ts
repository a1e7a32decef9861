/**
 * A real process is killed with SIGKILL, at named points and at random times, and goes on each
 * time. `npm run chaos` does more of it.
 *
 * What it can't catch: a machine that stops. The kernel keeps what was written and not synced.
 */
import { afterAll, expect, test } from 'vitest'
import { killAll } from './child.ts'
import { killCampaign } from './kills.ts'
import { sourceKinds } from './points.ts'

afterAll(() => killAll())

const kills = 3
const seed = 1

test.each(sourceKinds)('%s: nothing is lost, and nothing counted twice', async kind => {
  const report = await killCampaign({ kind, kills, seed })
  expect(report.faults).toEqual([])
  expect([...report.kills.values()].reduce((a, b) => a + b, 0)).toBe(kills)
  expect(report.kills.get('random') ?? 0).toBeLessThanOrEqual(kills / 2)
  expect(report.rows).toBeGreaterThan(100)
})
