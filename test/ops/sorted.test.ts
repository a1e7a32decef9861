import { operatorConformance } from '../conformance/operator.ts'

operatorConformance('sorted', [
  {
    name: 'orders numbers, and keeps the order of equal keys',
    input: [[3, 1, 2], [], [5, -1, 5.5]],
    steps: [['sortBy', (x: number) => Math.floor(x)]],
    expected: [[1, 2, 3], [], [-1, 5, 5.5]],
  },
  {
    name: 'orders strings by UTF-16 units, the other way round',
    input: [['b', 'a', '\ud83d\ude00', '\uffff', 'B', '']],
    steps: [['sortBy', (text: string) => text, false]],
    expected: [['\uffff', '\ud83d\ude00', 'b', 'a', 'B', '']],
  },
  {
    name: 'passes no RDD on',
    input: [null, [2, 1]],
    steps: [['sortBy', (x: number) => x]],
    expected: [[1, 2]],
  },
])
