/**
 * Kills the job again and again, at named points and at random times, has it go on each time, and
 * says whether it has counted what it should.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomNumbers } from '../../src/ops/sample.ts'
import { Child, type ChildOptions, killAll } from './child.ts'
import { countedRows, loggedRows, readBatches, wrongRows, wrongStates } from './outputs.ts'
import { type Point, pointsOf, type SourceKind } from './points.ts'
import { fileSender, plainSender, reliableSender, type Sender } from './senders.ts'

/** Real milliseconds that a step may take, on a machine that has other things to do. */
const stepMsMax = 30_000
/** A point that is not reached by then is left, and the process killed all the same. */
const pointMsMax = 8000
const randomMsMax = 1500
/** Every third kill comes at a random time. */
const randomEvery = 3
/** Times that a process may come to a point before it dies there. */
const numberMax: Partial<Record<Point, number>> = {
  'checkpoint renamed': 4,
  'log mended': 1,
  'log trimmed': 1,
}
const numberMaxUsual = 8
const endPollMs = 50
/** How a process ends that SIGTERM has had stop its context. */
const terminated = 143
const faultsMax = 5

export interface KillOptions {
  readonly kind: SourceKind
  readonly kills: number
  readonly seed: number
  /** By `performance.now()`: no more kills after it. */
  readonly until?: number
  readonly progress?: (text: string) => void
}

export interface KillReport {
  readonly kind: SourceKind
  /** Kills by point; `random` for those at no point. */
  readonly kills: ReadonlyMap<Point | 'random', number>
  readonly rows: number
  readonly batches: number
  /** What was wrong; nothing, where all is well. */
  readonly faults: readonly string[]
}

/** @throws never: what goes wrong is in the report */
export async function killCampaign(options: KillOptions): Promise<KillReport> {
  const directory = mkdtempSync(join(tmpdir(), 'pelton-chaos-'))
  const campaign = new Campaign(options, directory)
  try {
    await campaign.run()
  } catch (error) {
    campaign.faults.push(String(error instanceof Error ? error.stack : error))
  } finally {
    await killAll()
    await campaign.close()
    rmSync(directory, { recursive: true, force: true })
  }
  return campaign.report()
}

class Campaign {
  readonly faults: string[] = []
  readonly #options: KillOptions
  readonly #directory: string
  readonly #random: () => number
  readonly #kills = new Map<Point | 'random', number>()
  #sender: Sender | undefined
  #rows = 0
  #batches = 0

  constructor(options: KillOptions, directory: string) {
    this.#options = options
    this.#directory = directory
    this.#random = randomNumbers(options.seed)
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }

  async run(): Promise<void> {
    const { kind, kills, until = Number.POSITIVE_INFINITY, progress } = this.#options
    for (const name of ['in', 'temporary', 'out', 'archive']) mkdirSync(this.#path(name))
    this.#sender = await this.#newSender()
    for (let i = 0; i < kills && this.faults.length === 0 && performance.now() < until; i++) {
      const point = await this.#kill(i)
      this.#kills.set(point, (this.#kills.get(point) ?? 0) + 1)
      this.#archive()
      progress?.(`${kind}: ${i + 1} of ${kills} kills, ${point}`)
    }
    if (this.faults.length > 0) return
    await this.#finish()
    await this.#check()
  }

  async #newSender(): Promise<Sender> {
    const { kind } = this.#options
    if (kind === 'receiver') return await reliableSender()
    if (kind === 'socket') return await plainSender()
    return fileSender(this.#path('in'), this.#path('temporary'))
  }

  #start(dies?: ChildOptions['dies']): Child {
    const { kind } = this.#options
    const { port } = this.#sender!
    return new Child({ kind, directory: this.#directory, port, ...(dies && { dies }) })
  }

  /** One life and its end; resolves to where that was. */
  async #kill(index: number): Promise<Point | 'random'> {
    const isRandom = index % randomEvery === randomEvery - 1
    const points = pointsOf[this.#options.kind]
    const named = index - Math.floor(index / randomEvery)
    const point = points[named % points.length]!
    const number = 1 + Math.floor(this.#random() * (numberMax[point] ?? numberMaxUsual))
    const child = this.#start(isRandom ? undefined : { point, number })
    if (isRandom) {
      // Some of them come while it is still reading what was there.
      await child.endedWithin(Math.floor(this.#random() * randomMsMax))
    } else await child.endedWithin(pointMsMax)
    child.kill('SIGKILL')
    const ending = await child.ended
    this.#listen(child)
    if (ending.signal === 'SIGKILL') return ending.point ?? 'random'
    this.faults.push(`it ended by itself, with ${ending.code}: ${child.said.join('\n')}`)
    return 'random'
  }

  /** What the process has said that it must not. */
  #listen(child: Child): void {
    this.faults.push(...child.said.filter(line => /^(differs|error) /.test(line)))
    const bad = child.said.filter(line => /^warning .*(checkpoint|damaged|lack)/i.test(line))
    this.faults.push(...bad)
  }

  /** Copies the log's files, which the next life may remove. */
  #archive(): void {
    const from = this.#path('checkpoint')
    if (!existsSync(from)) return
    for (const name of readdirSync(from)) {
      if (!/^log-\d+$/.test(name)) continue
      copyFileSync(join(from, name), join(this.#path('archive'), name))
    }
  }

  /** A last life, in which everything comes to its end. */
  async #finish(): Promise<void> {
    const { kind } = this.#options
    const sender = this.#sender!
    const child = this.#start()
    if (!(await child.readyWithin(stepMsMax))) {
      this.#listen(child)
      throw new Error(`it did not start: ${child.said.join('\n')}`)
    }
    await sleep(randomMsMax)
    sender.end()
    const until = performance.now() + stepMsMax
    // What was sent over a plain socket is not all there; a graceful stop takes what has come.
    while (kind !== 'socket' && countedRows(this.#path('out')) < sender.sent) {
      if (performance.now() > until) break
      await sleep(endPollMs)
    }
    child.kill('SIGTERM')
    const ending = await child.endedWithin(stepMsMax)
    this.#listen(child)
    this.#archive()
    if (ending?.code === terminated) return
    this.faults.push(`it ended with ${JSON.stringify(ending)}: ${child.said.join('\n')}`)
  }

  async #check(): Promise<void> {
    const { kind } = this.#options
    const sender = this.#sender!
    const out = this.#path('out')
    const batches = readBatches(out)
    const rows = batches.flatMap(batch => batch.rows)
    this.#rows = rows.length
    this.#batches = batches.length
    this.faults.push(...sender.faults, ...wrongStates(out, batches))
    if (kind !== 'socket') this.faults.push(...wrongRows(rows, sender.sent))
    else {
      const logged = await loggedRows(this.#path('archive'))
      if (rows.join('\n') === logged.join('\n')) return
      this.faults.push(`${rows.length} rows were put out, and ${logged.length} are in the log`)
    }
  }

  async close(): Promise<void> {
    await this.#sender?.close()
  }

  report(): KillReport {
    const { kind } = this.#options
    const more = this.faults.length - faultsMax
    const faults = this.faults.slice(0, faultsMax)
    if (more > 0) faults.push(`… and ${more} more`)
    return { kind, kills: this.#kills, rows: this.#rows, batches: this.#batches, faults }
  }
}
