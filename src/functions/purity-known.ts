/** Gear 2's whitelist: what a function may call and still depend on its arguments alone. */

const words = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/))

/**
 * Methods that change nothing, whatever built-in value they are called on. The names of methods
 * that
 * change their receiver on some type (`sort`, `add`, `set`, …) are not here.
 */
export const pureMethods: ReadonlySet<string> = words(`
  at charAt charCodeAt codePointAt concat endsWith includes indexOf isWellFormed lastIndexOf
  localeCompare match normalize padEnd padStart repeat replace replaceAll search slice split
  startsWith substr substring toLocaleLowerCase toLocaleUpperCase toLowerCase toString toUpperCase
  toWellFormed trim trimEnd trimStart valueOf
  toExponential toFixed toPrecision
  entries every filter find findIndex findLast findLastIndex flat flatMap forEach join keys map
  reduce reduceRight some toReversed toSorted toSpliced values with
  get getAll has difference intersection isDisjointFrom isSubsetOf isSupersetOf
  symmetricDifference union
  exec test
  getDate getDay getFullYear getHours getMilliseconds getMinutes getMonth getSeconds getTime
  getTimezoneOffset getUTCDate getUTCDay getUTCFullYear getUTCHours getUTCMilliseconds
  getUTCMinutes getUTCMonth getUTCSeconds toISOString toJSON
  hasOwnProperty
`)

/** Methods whose first argument is called; it has to be a function that is known. */
export const callbackMethods: ReadonlySet<string> = words(`
  every filter find findIndex findLast findLastIndex flatMap forEach map reduce reduceRight some
  toSorted sort
`)

/** Methods that change their receiver: harmless on an array that the expression has just made. */
export const freshOnly: ReadonlySet<string> = words('sort reverse')

/** Methods that return a new array, on every type that has them. */
export const makesArray: ReadonlySet<string> = words(
  'split map filter flat flatMap toSorted toReversed toSpliced with',
)

/** Methods for which a regular expression is the receiver or an argument. */
export const regexMethods: ReadonlySet<string> = words(
  'exec test match replace replaceAll search split',
)

/** Those that set a global regular expression back to its beginning before they use it. */
export const fromTheStart: ReadonlySet<string> = words('match replace replaceAll')

const statics = (name: string, list: string): string[] =>
  [...words(list)].map(member => `${name}.${member}`)

const mathFunctions = Object.getOwnPropertyNames(Math).filter(
  name => typeof Math[name as 'abs'] === 'function' && name !== 'random',
)

/** Functions that every thread has and that may be called, or handed to a method as a callback. */
export const pureFunctions: ReadonlySet<string> = new Set([
  ...words(`
    Number String Boolean BigInt parseInt parseFloat isNaN isFinite
    encodeURI encodeURIComponent decodeURI decodeURIComponent
  `),
  ...statics('Math', mathFunctions.join(' ')),
  ...statics('Number', 'isFinite isInteger isNaN isSafeInteger parseFloat parseInt'),
  ...statics('String', 'fromCharCode fromCodePoint'),
  ...statics('Array', 'isArray of'),
  ...statics('Object', 'entries fromEntries hasOwn is keys values'),
  ...statics('BigInt', 'asIntN asUintN'),
  ...statics('Date', 'UTC parse'),
])

/** The same for functions whose second argument, which they call, must not be given. */
export const oneArgument: ReadonlySet<string> = new Set([
  'JSON.parse',
  'JSON.stringify',
  'Array.from',
])

const numbers = (name: string, from: object): string[] =>
  Object.entries(Object.getOwnPropertyDescriptors(from))
    .filter(([, { value }]) => typeof value === 'number')
    .map(([key]) => `${name}.${key}`)

/** Constants that every thread has. */
export const pureConstants: ReadonlySet<string> = new Set([
  'undefined',
  'NaN',
  'Infinity',
  ...numbers('Math', Math).filter(name => !name.endsWith('.length')),
  ...numbers('Number', Number).filter(name => !name.endsWith('.length')),
])

/** Classes of which a function may make instances; `Date` needs an argument. */
export const pureClasses: ReadonlySet<string> = words(`
  Date Set Map Array URL URLSearchParams
  Error TypeError RangeError SyntaxError EvalError URIError
`)

/** Properties that lead out of the data: to a function's maker, or to where it was called. */
export const forbiddenProperties: ReadonlySet<string> = words(
  'constructor __proto__ prototype caller callee arguments stack lastIndex',
)

/** Whether a global, or what is read of it, tells the time. */
export const tellsTime = (path: string): boolean =>
  /^Date(?:\.now)?$|^(?:performance|process\.hrtime|process\.uptime|Temporal)(?:\.|$)/.test(path)

/** Whether a global, or what is read of it, gives random values. */
export const isRandom = (path: string): boolean =>
  path === 'Math.random' || /^crypto(?:\.|$)/.test(path)

/** Syntax whose parts decide. */
export const pureSyntax: ReadonlySet<string> = words(`
  ArrowFunctionExpression FunctionExpression FunctionDeclaration BlockStatement ReturnStatement
  ExpressionStatement IfStatement ConditionalExpression LogicalExpression BinaryExpression
  TemplateLiteral TemplateElement ArrayExpression ObjectExpression Property SpreadElement
  VariableDeclaration VariableDeclarator ObjectPattern ArrayPattern AssignmentPattern RestElement
  SwitchStatement SwitchCase BreakStatement ContinueStatement EmptyStatement ThrowStatement
  TryStatement CatchClause ChainExpression SequenceExpression
`)
