/** Finds the words for syntax that the table of forms lacks. */
import type { CapturedFunction } from './lift-captured.ts'
import { calledName, capturedAt } from './lift-classify.ts'
import { callee, keyOf, nameOf, reasons, type Scope } from './lift-scope.ts'
import type { Syntax } from './syntax.ts'

const fixed: Readonly<Record<string, string>> = {
  ArrowFunctionExpression: reasons.callback(),
  FunctionExpression: reasons.callback(),
  ClassExpression: reasons.declaration('a class'),
  SpreadElement: reasons.spread(),
  RestElement: reasons.spread(),
  TaggedTemplateExpression: reasons.tagged(),
  AssignmentExpression: reasons.assignment(),
  UpdateExpression: reasons.assignment(),
  SequenceExpression: reasons.sequence(),
  MemberExpression: reasons.computedKey(),
  ForStatement: reasons.loop(),
  ForInStatement: reasons.loop(),
  ForOfStatement: reasons.loop(),
  WhileStatement: reasons.loop(),
  DoWhileStatement: reasons.loop(),
  ThrowStatement: reasons.throws(),
  TryStatement: reasons.try(),
  ExpressionStatement: reasons.effect(),
  BreakStatement: reasons.switchCase(),
  FunctionDeclaration: reasons.declaration('a function'),
  ClassDeclaration: reasons.declaration('a class'),
}

/** Why an expression is not lifted. */
export function whyNot(node: Syntax, fn: CapturedFunction, scope: Scope): string {
  switch (node.type) {
    case 'Literal':
      return reasons.regex()
    case 'Identifier':
      return whyNotName(node, fn, scope)
    case 'CallExpression': {
      const called = callee(node)
      if (called.type === 'MemberExpression' && keyOf(called) === undefined)
        return reasons.computedCall()
      return reasons.call(calledName(node))
    }
    case 'NewExpression':
      return reasons.new(nameOf(node['callee']))
    case 'BinaryExpression':
    case 'UnaryExpression':
      return reasons.operator(node['operator'])
    case 'MemberExpression':
      return reasons.unknownName(nameOf(node))
    default:
      return fixed[node.type] ?? reasons.statement(node.type)
  }
}

function whyNotName(node: Syntax, fn: CapturedFunction, scope: Scope): string {
  const name: string = node['name']
  const captured = capturedAt(node, fn, scope)
  if (captured) {
    const what = captured.is === 'unknown' ? captured.what : reasons.notPrimitive()
    return reasons.captured(name, captured.is === 'function' ? 'a function' : what)
  }
  return fn.analysis.free.has(name) ? reasons.unknownName(name) : reasons.hidden(name)
}

/** Why a statement or pattern is not lifted. */
export const whyNotStatement = (node: Syntax): string =>
  fixed[node.type] ?? reasons.statement(node.type)
