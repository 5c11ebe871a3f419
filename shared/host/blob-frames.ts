import { concatBytes, fromHex, toHex } from '../kernel/bytes.ts'
import type { Hash } from '../kernel/ids.ts'
import { chunkBytesMax } from '../storage/blob-store.ts'

/**
 * First byte of a frame. What follows it in frames of blobs, with integers of 4 bytes, big end first:
 *
 *   chunk    hash ‖ offset ‖ bytes of the whole blob ‖ bytes from the offset on, at most 256 KiB
 *   want     hash ‖ offset ‖ how many bytes
 *   missing  hash: the answer to a want or a probe for what is not there
 *   probe    hash: is it there?
 *   have     hash ‖ bytes of the whole blob
 */
export const frameKinds = { envelope: 0, chunk: 1, want: 2, missing: 3, probe: 4, have: 5 } as const

export type BlobFrame =
  | {
      readonly kind: 'chunk'
      readonly hash: Hash
      readonly offset: number
      readonly totalBytes: number
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'want'; readonly hash: Hash; readonly offset: number; readonly length: number }
  | { readonly kind: 'probe'; readonly hash: Hash }
  | { readonly kind: 'missing'; readonly hash: Hash }
  | { readonly kind: 'have'; readonly hash: Hash; readonly totalBytes: number }

const hashBytes = 32
const chunkHeadBytes = hashBytes + 8

export const isBlobKind = (kind: number | undefined): kind is number =>
  kind !== undefined && kind >= frameKinds.chunk && kind <= frameKinds.have

/** `oversize` is a chunk of more than 256 KiB; `malformed` anything else that is no frame of its kind. */
export function parseBlobFrame(kind: number, body: Uint8Array): BlobFrame | 'malformed' | 'oversize' {
  if (body.length < hashBytes) return 'malformed'
  const hash = toHex(body.subarray(0, hashBytes)) as Hash
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const [first, second] = [hashBytes, hashBytes + 4]
  switch (kind) {
    case frameKinds.chunk: {
      if (body.length < chunkHeadBytes) return 'malformed'
      if (body.length > chunkHeadBytes + chunkBytesMax) return 'oversize'
      const bytes = body.subarray(chunkHeadBytes)
      return {
        kind: 'chunk',
        hash,
        offset: view.getUint32(first),
        totalBytes: view.getUint32(second),
        bytes,
      }
    }
    case frameKinds.want: {
      if (body.length !== chunkHeadBytes) return 'malformed'
      const length = view.getUint32(second)
      if (length > chunkBytesMax) return 'malformed'
      return { kind: 'want', hash, offset: view.getUint32(first), length }
    }
    case frameKinds.missing:
      return body.length === hashBytes ? { kind: 'missing', hash } : 'malformed'
    case frameKinds.probe:
      return body.length === hashBytes ? { kind: 'probe', hash } : 'malformed'
    case frameKinds.have:
      return body.length === hashBytes + 4
        ? { kind: 'have', hash, totalBytes: view.getUint32(first) }
        : 'malformed'
    default:
      return 'malformed'
  }
}

export const chunkFrame = (hash: Hash, offset: number, totalBytes: number, bytes: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(frameKinds.chunk), fromHex(hash), integers(offset, totalBytes), bytes)

export const wantFrame = (hash: Hash, offset: number, length: number): Uint8Array =>
  concatBytes(Uint8Array.of(frameKinds.want), fromHex(hash), integers(offset, length))

export const haveFrame = (hash: Hash, totalBytes: number): Uint8Array =>
  concatBytes(Uint8Array.of(frameKinds.have), fromHex(hash), integers(totalBytes))

export const hashFrame = (kind: 'missing' | 'probe', hash: Hash): Uint8Array =>
  concatBytes(Uint8Array.of(frameKinds[kind]), fromHex(hash))

function integers(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length)
  const view = new DataView(bytes.buffer)
  for (const [at, value] of values.entries()) view.setUint32(4 * at, value)
  return bytes
}
