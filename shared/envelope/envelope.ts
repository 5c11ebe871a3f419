import { asciiBytes, concatBytes, fromHex, toHex } from '../kernel/bytes.ts'
import { decodeCanonical, encodeCanonical } from '../kernel/codec.ts'
import type { Hash, PeerId } from '../kernel/ids.ts'
import { Refusal, refuse } from '../kernel/refusal.ts'
import { bytes, integer, list, object, parse, peerIdText, text } from '../kernel/shape.ts'

/** SEC-01: what every message between peers travels in. The payload is the message without its type. */
export interface Envelope {
  readonly version: 1
  readonly networkId: Hash
  /** UUID v4. */
  readonly id: string
  /** Unix milliseconds by the sender's clock. */
  readonly time: number
  readonly sender: PeerId
  /** Peer id of the recipient, or `topic:` and a gossip topic. */
  readonly to: string
  readonly type: string
  /** UUID that follows a piece of work through the network; the id of its first message. */
  readonly correlationId: string
  readonly payload: unknown
}

/** SEC-04: how far a sender's clock may be from ours, in ms. */
export const freshMs = 5 * 60_000

/**
 * The largest envelope, in bytes. SEC-08 gives a batch 64 KiB; a single item with a long history may be over it, never
 * by that much. Decoded values take up to 75 times their bytes, and all that before a signature could be checked.
 */
export const envelopeBytesMax = 256 * 1024

const signingContext = asciiBytes('tabmesh/envelope/1')
const uuid = text(36, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)

/** The signed part as canonical CBOR: a map of all fields, the network id as 32 bytes. */
export const encodeBody = (envelope: Envelope): Uint8Array =>
  encodeCanonical({ ...envelope, networkId: fromHex(envelope.networkId) })

/** "tabmesh/envelope/1" ‖ body. */
export const envelopeSigningBytes = (body: Uint8Array): Uint8Array => concatBytes(signingContext, body)

export const encodeFrame = (body: Uint8Array, signature: Uint8Array): Uint8Array =>
  encodeCanonical([body, signature])

const frameShape = list(bytes(envelopeBytesMax), 2)
const bodyShape = object({
  version: integer(1, 1),
  networkId: bytes(32, 32),
  id: uuid,
  time: integer(0, Number.MAX_SAFE_INTEGER),
  sender: peerIdText,
  to: text(200),
  type: text(64),
  correlationId: uuid,
  payload: { check: () => undefined },
})

export interface OpenedFrame {
  readonly envelope: Envelope
  readonly body: Uint8Array
  readonly signature: Uint8Array
}

/** The envelope of a frame, its signature not yet verified. */
export function openFrame(frame: Uint8Array): OpenedFrame | Refusal {
  if (frame.length > envelopeBytesMax) return refuse('TooLarge', `over ${envelopeBytesMax} bytes`)
  const outer = parse(frameShape, decodeCanonical(frame), 'frame')
  if (outer instanceof Refusal) return outer
  const [body, signature] = outer
  if (body === undefined || signature?.length !== 64)
    return refuse('MalformedFrame', 'expected a body and a signature')
  const inner = parse(bodyShape, decodeCanonical(body), 'envelope')
  if (inner instanceof Refusal) return inner
  const envelope = {
    ...inner,
    version: 1,
    networkId: toHex(inner.networkId) as Hash,
    payload: inner.payload,
  } as const
  return { envelope, body, signature }
}
