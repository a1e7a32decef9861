/**
 * How a value finds its place in a staged column, and what happens when it has none: an absent
 * column takes the type of its first value, a tuple whose rows differ in length becomes a list,
 * and anything else that does not fit becomes `any`.
 */
import { Block } from './block.ts'
import { pushBigint, pushBool, pushBytes, pushNumber, pushText, pushWord } from './builder-push.ts'
import { layOut, writeBlock } from './builder-seal.ts'
import { type ColumnStage, ShapeNode, StructStage, useChildren } from './builder-stage.ts'
import { encodeValue } from './codec.ts'
import { privateMemory } from './memory.ts'
import { isPlainArray, isPlainObject, Unfit } from './plain.ts'
import {
  ABSENT,
  ANY,
  BOOL,
  COLUMNS_MAX,
  DEPTH_MAX,
  FIELDS_MAX,
  FLOAT64,
  INT64,
  LIST,
  SHAPES_MAX,
  STRUCT,
  TIMESTAMP,
  TUPLE,
  TUPLE_ITEMS_MAX,
  UTF8,
} from './schema.ts'

type Fields = Record<string, unknown>

/** Thrown where a row needs more columns or deeper ones than a block may have. */
export class Overflow extends Error {}

/** Adds a row. What it throws leaves children longer than their parent: truncate the root. */
export function appendValue(stage: ColumnStage, value: unknown): void {
  const { kind } = stage
  if (typeof value === 'number') {
    if (kind === FLOAT64) pushNumber(stage, value)
    else appendFirst(stage, FLOAT64, value)
  } else if (typeof value === 'string') {
    if (kind === UTF8) pushText(stage, value)
    else appendFirst(stage, UTF8, value)
  } else if (value === null || value === undefined) appendMissing(stage, value)
  else if (typeof value === 'object') appendObject(stage, value)
  else if (typeof value === 'boolean') {
    if (kind === BOOL) pushBool(stage, value)
    else appendFirst(stage, BOOL, value)
  } else if (typeof value === 'bigint') {
    if (BigInt.asIntN(64, value) !== value) appendAny(stage, value)
    else if (kind === INT64) pushBigint(stage, value)
    else appendFirst(stage, INT64, value)
  } else throw new Unfit()
}

/** Adds a value of `kind` to a column of another kind. */
function appendFirst(stage: ColumnStage, kind: number, value: unknown): void {
  if (stage.kind !== ABSENT) {
    appendAny(stage, value)
    return
  }
  become(stage, kind, 0)
  appendValue(stage, value)
}

/** Adds a value that has no column type here: the whole column becomes `any`. */
function appendAny(stage: ColumnStage, value: unknown): void {
  if (value === null || value === undefined) {
    appendMissing(stage, value)
    return
  }
  // A value that is refused must not have changed the column.
  const bytes = encodeValue(value)
  if (stage.kind !== ANY) widen(stage, ANY)
  pushBytes(stage, bytes)
}

function appendMissing(stage: ColumnStage, value: null | undefined): void {
  stage.missing.set(stage.rows)
  if (value === undefined) {
    stage.undefinedRows.set(stage.rows)
    stage.undefineds = true
  } else stage.nulls = true
  pushPlaceholder(stage)
}

const NO_BYTES = new Uint8Array(0)

/** Adds a row that nobody will look at, because it, or the row it is part of, is missing. */
function pushPlaceholder(stage: ColumnStage): void {
  const { kind } = stage
  if (kind === FLOAT64 || kind === TIMESTAMP) pushNumber(stage, 0)
  else if (kind === INT64) pushBigint(stage, 0n)
  else if (kind === UTF8) pushText(stage, '')
  else if (kind === ANY) pushBytes(stage, NO_BYTES)
  else if (kind === LIST) pushWord(stage, stage.children[0]!.rows)
  else {
    for (let k = 0; k < stage.childCount; k++) pushPlaceholder(stage.children[k]!)
    if (kind === STRUCT) pushWord(stage, 0)
    else stage.rows++
  }
}

/** Gives an absent column its kind; the rows so far are missing and get placeholders. */
function become(stage: ColumnStage, kind: number, childCount: number): void {
  const { rows } = stage
  if (childCount > 0) takeChildren(stage, childCount)
  stage.kind = kind
  stage.rows = 0
  for (let i = 0; i < rows; i++) pushPlaceholder(stage)
}

function takeChildren(stage: ColumnStage, count: number): void {
  const columns = stage.budget.columns + count - stage.childCount
  if (stage.depth >= DEPTH_MAX || columns > COLUMNS_MAX) throw new Overflow()
  useChildren(stage, count)
}

/** Changes the kind of a column that has values, by writing its rows again. */
export function widen(stage: ColumnStage, kind: number): void {
  if (stage.kind === ABSENT) {
    become(stage, kind, 0)
    return
  }
  const rows = decodeStage(stage)
  stage.clear()
  if (kind === LIST) takeChildren(stage, 1)
  stage.kind = kind
  for (let i = 0; i < rows.length; i++) {
    // A list may turn out to be `any` on the way; from there on `stage.kind` leads.
    if (stage.kind === ANY) appendAny(stage, rows[i])
    else appendValue(stage, rows[i])
  }
}

/** The staged rows as JS values. */
export function decodeStage(stage: ColumnStage): ArrayLike<unknown> {
  return openStage(stage).decode(0, stage.rows)
}

/** The staged rows as a block in a memory of its own. */
export function openStage(stage: ColumnStage): Block {
  const layout = layOut(stage)
  const memory = privateMemory(layout.bytes)
  writeBlock(memory, 0, layout)
  return Block.open(memory, 0)
}

function appendObject(stage: ColumnStage, value: object): void {
  const prototype = Object.getPrototypeOf(value)
  if (stage.kind === ANY) appendAny(stage, value)
  else if (Array.isArray(value)) appendArray(stage, value)
  else if (prototype === Object.prototype) appendStruct(stage, value as Fields)
  else if (prototype === Date.prototype) {
    if (stage.kind === TIMESTAMP) pushNumber(stage, (value as Date).getTime())
    else appendFirst(stage, TIMESTAMP, value)
  } else if (isPlainObject(value)) appendStruct(stage, value as Fields)
  else appendAny(stage, value)
}

function appendArray(stage: ColumnStage, value: readonly unknown[]): void {
  if (!isPlainArray(value)) throw new Unfit()
  // What RegExp.prototype.exec returns has properties that a column would lose.
  if ((value as Partial<RegExpExecArray>).index !== undefined || hasHole(value)) {
    appendAny(stage, value)
    return
  }
  const length = value.length
  if (stage.kind === ABSENT) {
    const isTuple = length > 0 && length <= TUPLE_ITEMS_MAX
    become(stage, isTuple ? TUPLE : LIST, isTuple ? length : 1)
  }
  if (stage.kind === TUPLE && stage.childCount !== length) widen(stage, LIST)
  // A widened tuple whose items did not unify is `any` by now.
  if (stage.kind === TUPLE) appendTuple(stage, value)
  else if (stage.kind === LIST) appendList(stage, value)
  else appendAny(stage, value)
}

function appendList(stage: ColumnStage, value: readonly unknown[]): void {
  const item = stage.children[0]!
  for (let k = 0; k < value.length; k++) appendValue(item, value[k])
  pushWord(stage, item.rows)
  // Rows of bytes are shorter and faster than a list of items in bytes.
  if (item.kind === ANY) widen(stage, ANY)
}

function hasHole(value: readonly unknown[]): boolean {
  for (let k = 0; k < value.length; k++) {
    if (value[k] === undefined && !(k in value)) return true
  }
  return false
}

function appendTuple(stage: ColumnStage, value: readonly unknown[]): void {
  const { children } = stage
  for (let k = 0; k < value.length; k++) appendValue(children[k]!, value[k])
  stage.rows++
}

function appendStruct(stage: ColumnStage, value: Fields): void {
  if (stage.kind === ABSENT) {
    if (stage.depth >= DEPTH_MAX) throw new Overflow()
    become(stage, STRUCT, 0)
    stage.struct = new StructStage()
  }
  const { struct } = stage
  if (struct === null) {
    appendAny(stage, value)
    return
  }
  let id = struct.lastShape
  if (!matchesShape(struct, id, value)) id = findShape(stage, struct, value)
  if (id < 0) appendAny(stage, value)
  else appendFields(stage, struct, id)
}

/** Adds the values in `scratch`, which belong to the fields of a shape. */
function appendFields(stage: ColumnStage, struct: StructStage, id: number): void {
  struct.lastShape = id
  const shape = struct.shapes[id]!
  const { scratch } = struct
  const { children, rows } = stage
  for (let k = 0; k < shape.length; k++) appendValue(children[shape[k]!]!, scratch[k])
  if (shape.length < stage.childCount) {
    for (let k = 0; k < stage.childCount; k++) {
      if (children[k]!.rows === rows) appendMissing(children[k]!, undefined)
    }
  }
  pushWord(stage, id)
}

/** True when the row's keys are those of the shape, in order; its values are then in `scratch`. */
function matchesShape(struct: StructStage, id: number, value: Fields): boolean {
  const names = struct.shapeNames[id]
  if (names === undefined) return false
  const { scratch } = struct
  let k = 0
  // V8 reads the keys and values of a known object layout here without a lookup.
  for (const name in value) {
    if (name !== names[k]) return false
    scratch[k++] = value[name]
  }
  return k === names.length
}

/** The shape of a row, made if need be; -1 where the limits forbid it. Fills `scratch`. */
function findShape(stage: ColumnStage, struct: StructStage, value: Fields): number {
  const names = Object.keys(value)
  let node: ShapeNode | undefined = struct.root
  for (let k = 0; k < names.length; k++) {
    struct.scratch[k] = value[names[k]!]
    if (node !== undefined) node = node.next.get(names[k]!)
  }
  return node !== undefined && node.id >= 0 ? node.id : addShape(stage, struct, names)
}

function addShape(stage: ColumnStage, struct: StructStage, names: string[]): number {
  const fresh = names.filter(name => !struct.fields.has(name))
  const count = stage.childCount + fresh.length
  if (struct.shapes.length >= SHAPES_MAX || count > FIELDS_MAX) return -1
  takeChildren(stage, count)
  for (const name of fresh) {
    const field = struct.names.push(name) - 1
    struct.fields.set(name, field)
    fillField(stage, stage.children[field]!)
  }
  let node = struct.root
  for (const name of names) {
    let next = node.next.get(name)
    if (next === undefined) node.next.set(name, (next = new ShapeNode()))
    node = next
  }
  node.id = struct.shapes.length
  struct.shapes.push(names.map(name => struct.fields.get(name)!))
  struct.shapeNames.push(names)
  return node.id
}

/** Gives a new field its rows: undefined, because older objects do not have the key. */
function fillField(stage: ColumnStage, field: ColumnStage): void {
  for (let i = 0; i < stage.rows; i++) {
    if (stage.missing.has(i)) pushPlaceholder(field)
    else appendMissing(field, undefined)
  }
}
