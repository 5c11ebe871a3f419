import { decodeCanonical, encodeCanonical } from '../kernel/codec.ts'
import { Refusal } from '../kernel/refusal.ts'
import { bytes, list, object, parse } from '../kernel/shape.ts'
import type { Envelope } from './envelope.ts'

/**
 * What a node has to say to a peer at one moment travels in one envelope, under one signature: to make one, check it and
 * bring it through the encryption of the link takes longer than what most messages make the machines do. The payload is
 * `{ items: [bytes] }`, each item the canonical CBOR of a message with its type, in the order they were sent.
 */
export const bundleType = 'bundle'

/** SEC-08: a batch is at most 64 KiB; some of it is the envelope's own. */
const bundleBytesMax = 60 * 1024
const bundleItemsMax = 256

const shape = object({ items: list(bytes(bundleBytesMax), bundleItemsMax) })

export interface Bundle {
  readonly type: typeof bundleType
  readonly items: readonly Uint8Array[]
}

/** Messages in as few payloads as hold them; one that goes alone stays what it is. */
export function bundled<M extends { readonly type: string }>(messages: readonly M[]): (M | Bundle)[] {
  if (messages.length < 2) return [...messages]
  const groups: { readonly first: M; readonly items: Uint8Array[]; sizeBytes: number }[] = []
  for (const message of messages) {
    const item = encodeCanonical(message)
    const last = groups.at(-1)
    const hasRoom =
      last !== undefined &&
      last.sizeBytes + item.length <= bundleBytesMax &&
      last.items.length < bundleItemsMax
    if (!hasRoom) groups.push({ first: message, items: [item], sizeBytes: item.length })
    else {
      last.items.push(item)
      last.sizeBytes += item.length
    }
  }
  return groups.map(({ first, items }) => (items.length === 1 ? first : { type: bundleType, items }))
}

/**
 * What an envelope holds, one value for each message, with its type; what is no message, or no value at all, is found when
 * the value is read as one. Undefined for a bundle that is none.
 */
export function unbundled({ type, payload }: Envelope): readonly unknown[] | undefined {
  if (type !== bundleType) return [withType(type, payload)]
  const parsed = parse(shape, payload, bundleType)
  if (parsed instanceof Refusal || parsed.items.length === 0) return undefined
  if (parsed.items.reduce((sum, item) => sum + item.length, 0) > bundleBytesMax) return undefined
  return parsed.items.map((item) => decodeCanonical(item))
}

/** The type is the envelope's own, never one that the payload brings along. */
function withType(type: string, payload: unknown): unknown {
  const isRecord =
    typeof payload === 'object' &&
    payload !== null &&
    !Array.isArray(payload) &&
    !(payload instanceof Uint8Array) &&
    !Object.hasOwn(payload, 'type')
  return isRecord ? { type, ...payload } : undefined
}
