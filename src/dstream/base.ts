/** What the methods of a stream share: how a call becomes a node. */
import { type Call, partitionsOption, stepOf } from '../apply.ts'
import type { StreamingContext } from '../context.ts'
import type { DStream } from '../dstream.ts'
import { StreamNode } from '../engine/dag.ts'
import type { Operator, Params } from '../engine/operator.ts'

/** A stream without operators. */
export abstract class StreamBase<T> {
  /** The owning context. */
  readonly context: StreamingContext
  /** For the engine's own use. */
  readonly node: StreamNode

  constructor(context: StreamingContext, node: StreamNode) {
    this.context = context
    this.node = node
  }

  /** Milliseconds between results. */
  get slideDuration(): number {
    return this.node.slide
  }

  protected applied<U>(
    call: Call,
    operator: Operator,
    params: Params = {},
    fns: Function[] = [],
  ): DStream<U> {
    this.context.checkOpen(call)
    const step = stepOf(call, operator, params, fns)
    const slide = operator.slide?.(params) ?? this.node.slide
    return this.made<U>(new StreamNode({ parents: [this.node], step, slide }))
  }

  protected halved<U>(
    call: Call,
    operator: Operator,
    params: Params,
    local: Function[],
    final: Function[],
  ): DStream<U> {
    return this.applied<T>(call, operator, { ...params, local: true }, local).applied<U>(
      call,
      operator,
      { ...params, local: false },
      final,
    )
  }

  protected partitionsOf(label: string, partitions: number | undefined): number {
    return partitionsOption(label, partitions, this.context.partitions)
  }

  /** A stream of the same context. */
  protected abstract made<U>(node: StreamNode): DStream<U>
}
