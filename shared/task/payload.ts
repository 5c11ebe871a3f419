import type { Hash } from '../kernel/ids.ts'

/** Bytes of a task: small ones travel and rest inline, large ones are a reference into the host's blob store. */
export type Payload =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly hash: Hash; readonly sizeBytes: number }

/** DESIGN, "No payload in a machine": over this a payload is a reference. */
export const inlineBytesMax = 4 * 1024

/** The program of a task, and its input where that is a blob. */
export function blobsOf(of: {
  readonly task: { readonly programHash: Hash }
  readonly input: Payload
}): Hash[] {
  const { task, input } = of
  return input.kind === 'blob' ? [task.programHash, input.hash] : [task.programHash]
}

export const sizeOf = (payload: Payload): number =>
  payload.kind === 'inline' ? payload.bytes.length : payload.sizeBytes
