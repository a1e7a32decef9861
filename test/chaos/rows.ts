/** The rows that the campaign sends: a number and a word, which follows from the number. */

const words = 40

/** Words come about as often as in text: some of them often, most of them seldom. */
export function wordOf(number: number): string {
  const mixed = Math.imul(number ^ (number >>> 7), 0x9e3779b1) >>> 0
  return `w${Math.floor(words * (mixed / 2 ** 32) ** 2)}`
}

export const rowOf = (number: number): string => `${number} ${wordOf(number)}`

export const numberOf = (row: string): number => Number.parseInt(row, 10)
