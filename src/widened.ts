/**
 * The type that a literal is a value of: `1` becomes `number`. In `[word, 1] as const` the value
 * has
 * the type `1`, but a sum of such values has not.
 */
export type Widened<V> = V extends number
  ? number
  : V extends string
    ? string
    : V extends boolean
      ? boolean
      : V extends bigint
        ? bigint
        : V
