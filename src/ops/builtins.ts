/** The engine's own functions, by name: they need no capture, every thread has them. */
export const builtins: Readonly<Record<string, Function>> = {
  identity: (x: unknown) => x,
}
