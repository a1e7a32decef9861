/** All kernels, as the exports of one WebAssembly module. */
export * from './aggregate'
export * from './ascii'
export * from './exchange'
export * from './group'
export * from './hash'
export * from './radix'
export * from './text'
