/**
 * The program as text: what each output computes, where rows are exchanged, in which gear each
 * operator ran and why in no higher one; and what the stages took. Which gear ran is read from the
 * counters of the workers, not from what was planned.
 */
import { basename } from 'node:path'
import { kernelNames } from './columnar/kernels.ts'
import type { Step, StreamNode } from './engine/dag.ts'
import { type GearLimit, gearOf, type StepGear } from './engine/gears.ts'
import type { Pact } from './engine/operator.ts'
import type { Session } from './engine/session.ts'
import type { StageRecord, StepRecord } from './engine/stage-records.ts'
import type { Place } from './errors.ts'

/** An output and the stream it reads. */
export interface OutputToExplain {
  readonly label: string
  readonly place: Place | undefined
  readonly node: StreamNode
}

/** How an operator ran: by kernels, called once for equal rows, or in a loop over rows. */
export type ExplainedGear = 'lifted' | 'distinct' | 'row'

/** How an operator ran. */
interface Ran {
  /** The gear it ran in; before it has run, the one it can get at most. */
  readonly gear: ExplainedGear | undefined
  readonly hasRun: boolean
  /** Part of the rows that went through a loop, from 0 to 1. */
  readonly loopShare: number
  /** Values for which JavaScript was called in the midst of columns. */
  readonly called: number
  /** Why it is not all in the first gear. */
  readonly reason: string | undefined
}

/** An operator of the program, or an output. */
export interface ExplainedOperator extends Ran {
  readonly operator: string
  readonly place: Place | undefined
  /** Remarks on partitions, windows and what is kept. */
  readonly notes: readonly string[]
  /** Whether rows are exchanged or gathered before it. */
  readonly exchanged: boolean
  readonly inputs: readonly ExplainedOperator[]
}

/** An operator of a stage, with the kernels it has called since the start, by name. */
export interface StageOperator extends Ran {
  readonly operator: string
  readonly place: Place | undefined
  readonly kernels: Readonly<Record<string, number>>
}

/** One stage: steps that run without an exchange between them. */
export interface ExplainedStage {
  readonly operators: readonly StageOperator[]
  /** Kernels that bring the rows out. */
  readonly output: Readonly<Record<string, number>>
  /** What the rows go to. */
  readonly exchange: string | undefined
  /** The last runs that all figures below are about; they are sums over them. */
  readonly runs: number
  readonly tasks: number
  /** Tasks that the main thread ran itself. */
  readonly inline: number
  readonly rowsIn: number
  readonly rowsOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Time of all tasks together for a row that came in; undefined without rows. */
  readonly nsPerRow: number | undefined
}

/** What `explain({ format: 'json' })` returns. */
export interface Explanation {
  readonly outputs: readonly ExplainedOperator[]
  readonly stages: readonly ExplainedStage[]
}

const nsPerMs = 1e6

/** Everything that is known, as plain data. */
export function explanation(
  outputs: readonly OutputToExplain[],
  session: Session | undefined,
  limit: GearLimit,
): Explanation {
  const records = session?.scheduler.records.all() ?? []
  return {
    outputs: outputs.map(({ label, place, node }) => ({
      ...nothing,
      operator: label,
      place,
      inputs: [operatorOf(node, records, limit)],
    })),
    stages: records.map(record => stageOf(record, limit)),
  }
}

const nothing = {
  notes: [],
  exchanged: false,
  gear: undefined,
  hasRun: false,
  loopShare: 0,
  called: 0,
  reason: undefined,
}

function operatorOf(
  node: StreamNode,
  records: readonly StageRecord[],
  limit: GearLimit,
): ExplainedOperator {
  const { step, parents } = node
  const pact = step.operator.pact?.(step.params) ?? { how: 'as-it-lies' }
  return {
    operator: step.label,
    place: step.place,
    notes: [half(step.params), placement(pact), ...settings(node)].filter(note => note !== ''),
    exchanged: pact.how !== 'as-it-lies',
    ...gearAndReason(step, records, limit),
    inputs: parents.map(parent => operatorOf(parent, records, limit)),
  }
}

function gearAndReason(step: Step, records: readonly StageRecord[], limit: GearLimit): Ran {
  if (!step.operator.kernel) return nothing
  const planned = plannedGear(step, limit)
  const found = records.flatMap(record => {
    const place = record.steps.findIndex(one => one.step && isSame(one.step, step))
    return place < 0 ? [] : [{ record, place, did: record.steps[place]! }]
  })
  const columnRows = found.reduce((sum, { did }) => sum + did.columnRows, 0)
  const loopRows = found.reduce((sum, { did }) => sum + did.loopRows, 0)
  const called = found.reduce((sum, { did }) => sum + did.called, 0)
  const { reason, line } = planned
  const known = reason && `the function ${reason}${line === undefined ? '' : ` (line ${line})`}`
  if (columnRows + loopRows === 0) {
    const gear = step.functions.length > 0 ? planned.gear : undefined
    return { gear, hasRun: false, loopShare: 0, called, reason: gear && known }
  }
  const said = found.flatMap(({ record, place }) => whyLoop(record, place))
  const gear = loopRows > columnRows ? 'row' : sharesResults(found) ? 'distinct' : 'lifted'
  const loopShare = loopRows / (columnRows + loopRows)
  // Without a kernel for its function, what else stood in the way is of no use.
  const others = loopRows > 0 && !(planned.gear === 'row' && known) ? said : []
  const why = [gear === 'lifted' && loopRows === 0 ? undefined : known, ...others]
  const words = [...new Set(why.filter(text => text !== undefined))]
  return {
    gear,
    hasRun: true,
    loopShare,
    called,
    reason: words.length > 0 ? words.join('; ') : undefined,
  }
}

/** A function whose captured values can't be read yet has no plan. */
function plannedGear(step: Step, limit: GearLimit): StepGear {
  try {
    return gearOf(step, limit)
  } catch (error) {
    return { gear: 'row', reason: `can't be read: ${String(error)}`, line: undefined }
  }
}

/** A batch has steps of its own where a function of foreachRDD makes them: they say the same. */
function isSame(a: Step, b: Step): boolean {
  if (a === b) return true
  if (a.operator !== b.operator || a.label !== b.label) return false
  if (!a.place || !b.place || a.params.local !== b.params.local) return false
  const { file, line, column } = a.place
  return file === b.place.file && line === b.place.line && column === b.place.column
}

/** Kernels that only run where results are shared by equal rows. */
const sharing = /^(?:masksById|idsById)$/

function sharesResults(found: readonly { did: StepRecord }[]): boolean {
  return found.some(({ did }) => Object.keys(callsByName(did)).some(name => sharing.test(name)))
}

/** What workers said about a step, or that it comes behind one that is in the loop. */
function whyLoop({ steps }: StageRecord, place: number): string[] {
  for (let i = place; i >= 0; i--) {
    const { reasons, step } = steps[i]!
    if (reasons.size === 0) continue
    if (i === place) return [...reasons]
    return [`it comes behind ${step!.label} in the row loop`]
  }
  // The row loop begins anew, before all that columns had done.
  const later = steps.find(({ reasons }) => reasons.size > 0)
  return later ? [`columns gave up at ${later.step!.label}`] : []
}

function callsByName({ kernels }: StepRecord): Record<string, number> {
  if (kernels.size === 0) return {}
  const names = kernelNames()
  const calls = [...kernels].map(([kernel, count]) => [names[kernel]!, count] as const)
  return Object.fromEntries(calls.sort((a, b) => b[1] - a[1]))
}

function stageOf(record: StageRecord, limit: GearLimit): ExplainedStage {
  const { steps, output, exchange, runs } = record
  const sum = (of: (run: (typeof runs)[number]) => number): number =>
    runs.reduce((total, run) => total + of(run), 0)
  const rowsIn = sum(run => run.rowsIn)
  return {
    operators: steps.map(did => ({
      operator: did.step!.label,
      place: did.step!.place,
      ...gearAndReason(did.step!, [record], limit),
      kernels: callsByName(did),
    })),
    output: callsByName(output),
    exchange: exchange && exchanged(exchange),
    runs: runs.length,
    tasks: sum(run => run.tasks),
    inline: sum(run => run.inline),
    rowsIn,
    rowsOut: sum(run => run.rowsOut),
    bytesIn: Math.round(sum(run => run.bytesIn)),
    bytesOut: Math.round(sum(run => run.bytesOut)),
    nsPerRow: rowsIn > 0 ? (sum(run => run.milliseconds) * nsPerMs) / rowsIn : undefined,
  }
}

function half(params: Readonly<Record<string, unknown>>): string {
  return params.local === true ? 'within each partition' : ''
}

function placement(pact: Pact): string {
  if (pact.how === 'gathered') return 'gathered into one partition'
  if (pact.how === 'as-it-lies') return ''
  if (pact.how === 'zipped') return `side by side ${exchanged(pact.partitioner)}`
  if (pact.how === 'aligned') return 'partition by partition'
  return `exchanged ${exchanged(pact.partitioner)}`
}

function exchanged({ kind, partitions }: { kind: string; partitions: number }): string {
  return `${kind === 'hash' ? 'by key' : 'evenly'} into ${partitions} partitions`
}

function settings(node: StreamNode): string[] {
  const notes: string[] = []
  const { params } = node.step
  if (typeof params.window === 'number') notes.push(`${params.window} ms every ${node.slide} ms`)
  if (node.persisted) notes.push('kept in the arena')
  return notes
}

/**
 * One tree an output, the output at its root. A double line marks an exchange: what is above it
 * runs in another stage than what is below. Behind the trees, the stages that have run.
 */
export function explainText({ outputs, stages }: Explanation): string {
  const trees = outputs.map(output => {
    const lines = [`${output.operator}${at(output.place)}`]
    for (const input of output.inputs) tree(input, '', true, lines)
    return `${lines.join('\n')}\n`
  })
  return [...trees, ...(stages.length > 0 ? [stages.map(stageText).join('')] : [])].join('\n')
}

function tree(operator: ExplainedOperator, indent: string, last: boolean, lines: string[]): void {
  const { notes, place, inputs, exchanged: isExchanged } = operator
  const all = [...notes, gearText(operator)].filter(note => note !== '')
  const branch = isExchanged ? '═' : '─'
  const detail = all.length > 0 ? `: ${all.join(', ')}` : ''
  lines.push(`${indent}${last ? '└' : '├'}${branch} ${operator.operator}${at(place)}${detail}`)
  const deeper = `${indent}${last ? '   ' : '│  '}`
  for (const [i, input] of inputs.entries()) tree(input, deeper, i === inputs.length - 1, lines)
}

const gearWords: Readonly<Record<ExplainedGear, string>> = {
  lifted: 'kernels',
  distinct: 'called once for equal rows',
  row: 'row loop',
}

function gearText({ gear, hasRun, loopShare, called, reason }: Ran): string {
  if (!gear) return ''
  const words = gearWords[gear]
  const notYet = hasRun ? '' : ' at best, not run yet'
  const loop = Math.round(100 * loopShare)
  const mixed = loopShare > 0 && loopShare < 1 ? ` (row loop for ${loop} % of the rows)` : ''
  const calls = called > 0 ? `${gear === 'distinct' ? ':' : ' and'} ${grouped(called)} calls` : ''
  return `${words}${calls}${mixed}${notYet}${reason ? ` because ${reason}` : ''}`
}

function stageText(stage: ExplainedStage, index: number): string {
  const { operators, runs, tasks, inline, rowsIn, rowsOut, bytesIn, bytesOut, nsPerRow } = stage
  const title = operators.map(({ operator, place }) => `${operator}${at(place)}`).join(', ')
  const time = nsPerRow === undefined ? 'no rows' : `${significant(nsPerRow)} ns a row`
  const here = inline > 0 ? `, ${grouped(inline)} of them on the main thread` : ''
  const lines = [
    ...operators.map(did => [did.operator, gearText(did), did.kernels] as const),
    ['out', '', stage.output] as const,
  ].flatMap(([name, gear, kernels]) => {
    const calls = Object.entries(kernels).map(([kernel, count]) => `${kernel} ${grouped(count)}`)
    const said = [gear, calls.join(', ')].filter(text => text !== '')
    return said.length > 0 ? [`   ${name}: ${said.join(': ')}\n`] : []
  })
  return (
    `stage ${index + 1}: ${title || 'rows as they are'}` +
    `${stage.exchange ? `, then ${stage.exchange}` : ''}\n` +
    `   last ${runs} ${runs === 1 ? 'run' : 'runs'}: ${time}, ` +
    `${grouped(rowsIn)} rows (${bytes(bytesIn)}) in, ` +
    `${grouped(rowsOut)} rows (${bytes(bytesOut)}) out, ${grouped(tasks)} tasks${here}\n` +
    lines.join('')
  )
}

function at(place: Place | undefined): string {
  return place ? ` (${basename(place.file)}:${place.line})` : ''
}

function grouped(value: number): string {
  return value.toLocaleString('en-US')
}

function significant(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function bytes(count: number): string {
  if (count >= 1e6) return `${significant(count / 1e6)} MB`
  return count >= 1e3 ? `${significant(count / 1e3)} kB` : `${count} B`
}
