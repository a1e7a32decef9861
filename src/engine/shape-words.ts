/** What rows look like, in words. */
import { preview } from '../errors.ts'
import type { ColumnShape } from '../expressions/columns.ts'

/** A shape for a message: "numbers", "[strings, numbers]". */
export function shapeInWords(shape: ColumnShape): string {
  switch (shape.kind) {
    case 'float64':
      return 'numbers'
    case 'utf8':
      return 'strings'
    case 'bool':
      return 'booleans'
    case 'lines':
      return 'lines of text'
    case 'constant':
      return `the constant ${preview(shape.value)}`
    case 'tuple':
      return `[${shape.items.map(shapeInWords).join(', ')}]`
    case 'struct': {
      const fields = shape.names.map((name, i) => `${name}: ${shapeInWords(shape.items[i]!)}`)
      return `{ ${fields.join(', ')} }`
    }
    default:
      return 'rows that no column holds'
  }
}
