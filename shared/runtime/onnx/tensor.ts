import type { ElementType } from './element-types.ts'

/** Elements in row-major order; numbers little-endian and without gaps, strings as they are. */
export interface Tensor {
  readonly name: string
  readonly type: ElementType
  readonly shape: readonly number[]
  readonly data: Uint8Array | readonly string[]
}

/** How a run's tensors were given, and are given back. */
export type TensorForm = 'json' | 'bytes'

/** Of the binary form, before the length of its header. No JSON text begins like this. */
export const tensorMagic = new TextEncoder().encode('\0tensors')

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}
