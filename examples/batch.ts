/** No stream at all: the same engine over a file and an array, an action at a time. */
import { BatchContext } from 'pelton'
import { kingJames } from './replay-server.ts'

await using bc = new BatchContext()

const verses = bc.textFile(kingJames)
console.log(await verses.count(), 'verses')
console.log(await verses.first())
console.log(await verses.filter(verse => verse.includes('unicorn')).count(), 'with unicorns')

const longest = await verses
  .map(verse => [verse.length, verse.split(' ')[0]!] as const)
  .reduce((a, b) => (a[0] >= b[0] ? a : b))
console.log('longest', longest)

const squares = bc.parallelize([1, 2, 3, 4, 5]).map(x => x * x)
console.log(await squares.collect(), await squares.reduce((a, b) => a + b))

const byParity = squares.map(x => [x % 2 === 0 ? 'even' : 'odd', x] as const)
console.log(new Map(await byParity.reduceByKey((a, b) => a + b).collect()))
