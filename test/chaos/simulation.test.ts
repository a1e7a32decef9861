/**
 * Some seeds of the simulated campaign: five jobs through crashes, failing disks, dying workers and
 * senders that repeat themselves give what an undisturbed run gives. `npm run chaos` has more.
 *
 * What it can't catch: what only other seeds find, and what a real disk or process does otherwise.
 */
import { simulate } from 'pelton/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { closeTestRuntimes } from '../../src/testing/runtimes.ts'
import { jobs } from './jobs.ts'
import { jobOf, simulateSeed } from './simulation.ts'

afterAll(() => closeTestRuntimes())

const seedsOfJob = 12

describe.each(jobs)('$name', job => {
  test('gives through all faults what it gives without', async () => {
    let crashes = 0
    for (let seed = jobs.indexOf(job); seed < seedsOfJob * jobs.length; seed += jobs.length) {
      expect(jobOf(seed)).toBe(job)
      const report = await simulateSeed(seed)
      expect(report.fault, `seed ${seed}:\n${report.story.join('\n')}`).toBeUndefined()
      crashes += report.crashes
    }
    expect(crashes).toBeGreaterThan(seedsOfJob / 2)
  })
})

const input = Array.from({ length: 8 }, (_, i) => ['a', 'b', `c${i % 3}`])

/** What happens to a program, in words. */
async function storyOf(seed: number): Promise<string[]> {
  const story: string[] = []
  await simulate<string, unknown>(words => words.countByValue(), {
    input,
    seed,
    faults: ['crash', 'disk', 'stop', 'resend'],
    onEvent: text => void story.push(text),
  })
  return story
}

test('a seed tells the same story every time, and another one another', async () => {
  const stories = new Set<string>()
  for (let seed = 0; seed < 10; seed++) {
    const story = await storyOf(seed)
    expect(await storyOf(seed)).toEqual(story)
    stories.add(story.join('\n'))
  }
  expect(stories.size).toBeGreaterThan(7)
})

test('without faults it gives the rows of each batch', async () => {
  const rows = await simulate<number, number>(numbers => numbers.map(x => x * 2).window(2000), {
    input: [[1, 2], [], [3]],
    seed: 1,
    faults: [],
  })
  expect(rows).toEqual([[2, 4], [2, 4], [6]])
})

test('a program that does not give the same again is found, with all that happened', async () => {
  let lives = 0
  const found = async (): Promise<void> => {
    for (let seed = 0; seed < 30; seed++) {
      await simulate<string, string>(
        words => {
          const life = lives++
          return words.map(word => `${word} in life ${life}`)
        },
        { input, seed, faults: ['crash'] },
      )
    }
  }
  await expect(found()).rejects.toThrow(/seed \d+: the batch at \d+ ms gave .*[\s\S]*is its last/)
})

test('an error that no fault is the cause of ends it', async () => {
  const failing = simulate<string, string>(
    words =>
      words.map(word => {
        if (word === 'c2') throw new Error('a mistake')
        return word
      }),
    { input, seed: 3 },
  )
  await expect(failing).rejects.toThrow(/seed 3: .*a mistake/)
})
