/** The dag as text: what each output computes, where rows are exchanged, and how functions run. */
import { basename } from 'node:path'
import type { StreamNode } from './engine/dag.ts'
import type { Pact } from './engine/operator.ts'
import type { Place } from './errors.ts'

/** An output and the stream it reads. */
export interface ExplainedOutput {
  readonly label: string
  readonly place: Place | undefined
  readonly node: StreamNode
}

/**
 * One tree an output, the output at its root. A double line marks an exchange: what is above it
 * runs in
 * another stage than what is below.
 */
export function explainOutputs(outputs: readonly ExplainedOutput[]): string {
  return outputs.map(explainOutput).join('\n')
}

function explainOutput({ label, place, node }: ExplainedOutput): string {
  const lines = [`${label}${at(place)}`]
  visit(node, '', true, lines)
  return `${lines.join('\n')}\n`
}

function visit(node: StreamNode, indent: string, last: boolean, lines: string[]): void {
  const { operator, params, place, label } = node.step
  const pact = operator.pact?.(params) ?? { how: 'as-it-lies' }
  const notes = [half(params), placement(pact), ...settings(node)].filter(note => note !== '')
  const branch = pact.how === 'as-it-lies' ? '─' : '═'
  const detail = notes.length > 0 ? `: ${notes.join(', ')}` : ''
  lines.push(`${indent}${last ? '└' : '├'}${branch} ${label}${at(place)}${detail}`)
  const deeper = `${indent}${last ? '   ' : '│  '}`
  node.parents.forEach((parent, i) => {
    visit(parent, deeper, i === node.parents.length - 1, lines)
  })
}

function at(place: Place | undefined): string {
  return place ? ` (${basename(place.file)}:${place.line})` : ''
}

function half(params: Readonly<Record<string, unknown>>): string {
  return params.local === true ? 'within each partition' : ''
}

function placement(pact: Pact): string {
  if (pact.how === 'gathered') return 'gathered into one partition'
  if (pact.how === 'as-it-lies') return ''
  const { kind, partitions } = pact.partitioner
  return `exchanged ${kind === 'hash' ? 'by key' : 'evenly'} into ${partitions} partitions`
}

function settings(node: StreamNode): string[] {
  const notes: string[] = []
  const { operator, params, functions } = node.step
  if (typeof params.window === 'number') notes.push(`${params.window} ms every ${node.slide} ms`)
  if (functions.length > 0 && operator.kernel) {
    notes.push(operator.kernel.form === 'rows' ? 'row loop' : 'whole partitions')
  }
  if (node.persisted) notes.push('kept in the arena')
  return notes
}
