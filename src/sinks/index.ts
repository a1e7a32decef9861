/** The registry of sinks. */
export {}
