/** Rules about wording, in code, comments and documents alike. */
import type { Rule } from './rule.ts'
import { lineAt, type SourceFile } from './source.ts'

/** These files hold the samples and lists themselves. */
const exempt = (file: SourceFile): boolean => file.path.startsWith('test/tidy/')

/** A rule that refuses text wherever the pattern matches it. */
function refuse(name: string, pattern: RegExp, bad: string[], good: string[]): Rule {
  return {
    name,
    check: files =>
      files
        .filter(file => !exempt(file))
        .flatMap(({ path, text }) =>
          [...text.matchAll(pattern)].map(
            ({ 0: found, index }) => `${path}:${lineAt(text, index)} has "${found.trim()}"`,
          ),
        ),
    bad: bad.map(text => [{ path: 'src/a.ts', text }]),
    good: good.map(text => ({ path: 'src/a.ts', text })),
  }
}

export const noBareTodo = refuse(
  'a TODO or FIXME names its issue',
  /\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))/g,
  ['// TODO: later', '/* FIXME */', '// TODO(me): later'],
  ['// TODO(#12): later', 'todo()'],
)

export const noMachinePaths = refuse(
  'no path of one machine',
  /(?<![\w.~}-])\/(?:home|root|Users|work)\/[\w.]|\b[A-Z]:\\Users\b|\.\.\/shared\//g,
  ['// see /home/me/notes', `'/root/x'`, '/work/src/x', 'C:\\Users\\me', '../shared/DESIGN.md'],
  ['src/work/a', 'https://example.org/home/x', '/tmp/x'],
)

export const noRegistryHosts = refuse(
  'no package registry by name: the reader has its own',
  /\b(?:registry\.[\w-]+\.\w+|npm\.pkg\.\w+|(?:artifactory|nexus|verdaccio)\.[\w.-]+|npmmirror)/gi,
  ['https://registry.example.org/x', 'registry.example.com', 'https://nexus.corp.example/npm'],
  ['the registry of operators', 'registry.ts', 'ops/registry.get(x)'],
)

const phrases = [
  'as an ai',
  'language model',
  'blazing(?:ly)?[- ]fast',
  'cutting[- ]edge',
  'state[- ]of[- ]the[- ]art',
  'world[- ]class',
  'game[- ]chang(?:er|ing)',
  'enterprise[- ]grade',
  'production[- ](?:ready|grade)',
  'battle[- ]tested',
  'seamless(?:ly)?',
  'effortless(?:ly)?',
  'supercharge[ds]?',
  'leverag(?:e|es|ed|ing)',
  'utiliz(?:e|es|ed|ing)',
  'delv(?:e|es|ed|ing)',
  "let's dive",
  'dive into',
  'tapestry',
  "it(?:'s| is) (?:worth|important to) not(?:e|ing)",
  'in conclusion',
  'rest assured',
  'unlock(?:s|ing)? the (?:power|potential)',
  'under the hood',
  'certainly!',
  'as requested',
]

export const noStockPhrases = refuse(
  'no stock phrases, no advertising',
  new RegExp(`\\b(?:${phrases.join('|')})`, 'gi'),
  ['Blazing fast!', 'We leverage WASM', "It's worth noting that", 'As an AI'],
  ['the blaze', 'a seam', '// diving'],
)
