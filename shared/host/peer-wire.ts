import { fromHex, toHex } from '../kernel/bytes.ts'

/**
 * What travels on a `peer` stream: records. A record is a varint length and that many bytes, of which the first is
 * the kind; integers are varints, little end first.
 *
 *   0 frame    the bytes of one frame
 *   1 hello    version ‖ own session nonce ‖ peer's session nonce (zeros: none known) ‖ attempt ‖ frames received
 *   2 handled  how many frames of the session are handled: the sender may forget them, and send as many more
 *   3 ping     nothing; answered by
 *   4 pong
 *   5 bye      the session ends here on purpose
 */
export type WireRecord =
  | { readonly kind: 'frame'; readonly frame: Uint8Array }
  | { readonly kind: 'hello'; readonly hello: Hello }
  | { readonly kind: 'handled'; readonly count: number }
  | { readonly kind: 'ping' | 'pong' | 'bye' }

/** Opens a stream, and goes on with the session that stood before where both ends still know it. */
export interface Hello {
  /** 16 random bytes in hex that name the sender's side of the session. */
  readonly own: string
  /** The nonce of the other side as the sender knows it, `noSession` when it knows none. */
  readonly peer: string
  /** Grows with every stream the opener tries: a stream that was overtaken by a later one is refused. */
  readonly attempt: number
  /** Frames of the session the sender has taken in, in order; the receiver goes on after them. */
  readonly received: number
}

/** Why a peer's bytes were refused. */
export type WireFault = 'malformed' | 'oversize'

/** The largest frame, in bytes. */
export const frameBytesMax = 4 * 1024 * 1024
export const noSession = '0'.repeat(32)

const version = 1
const kinds = ['frame', 'hello', 'handled', 'ping', 'pong', 'bye'] as const
/** Everything but a frame fits in this many bytes. */
const controlBytesMax = 64
const nonceBytes = 16
/** 2^28 is over the largest record: a longer length is never right. */
const lengthVarintBytesMax = 4
/** A record's buffer grows with what really arrives, so that a claimed length alone costs the receiver nothing. */
const firstBufferBytes = 64 * 1024

/** What goes on the wire before the bytes of a frame of that size. */
export function frameHeader(frameBytes: number): Uint8Array {
  const length = varint(frameBytes + 1)
  const header = new Uint8Array(length.length + 1)
  header.set(length)
  return header
}

export function encodeHello(hello: Hello): Uint8Array {
  return control('hello', [
    version,
    ...fromHex(hello.own),
    ...fromHex(hello.peer),
    ...varint(hello.attempt),
    ...varint(hello.received),
  ])
}

export function encodeHandled(count: number): Uint8Array {
  return control('handled', varint(count))
}

export function encodeSignal(kind: 'ping' | 'pong' | 'bye'): Uint8Array {
  return control(kind, [])
}

/** Cuts a stream of bytes into records; after a fault it takes nothing more. */
export class RecordReader {
  #length = 0
  #lengthBytes = 0
  #body: Uint8Array | undefined
  #filled = 0
  #fault: WireFault | undefined

  /** The records completed by this chunk, in order, and what is wrong with what followed them. */
  push(chunk: Uint8Array): { readonly records: WireRecord[]; readonly fault: WireFault | undefined } {
    const records: WireRecord[] = []
    let at = 0
    while (at < chunk.length && this.#fault === undefined) {
      at = this.#body === undefined ? this.#readLength(chunk, at) : this.#readBody(chunk, at, records)
    }
    return { records, fault: this.#fault }
  }

  #readLength(chunk: Uint8Array, at: number): number {
    const byte = chunk[at] ?? 0
    this.#length += (byte & 0x7f) * 2 ** (7 * this.#lengthBytes)
    this.#lengthBytes++
    if (byte < 0x80) this.#startBody()
    else if (this.#lengthBytes === lengthVarintBytesMax) this.#fault = 'oversize'
    return at + 1
  }

  #startBody(): void {
    if (this.#length === 0) this.#fault = 'malformed'
    else if (this.#length > frameBytesMax + 1) this.#fault = 'oversize'
    else this.#body = new Uint8Array(Math.min(this.#length, firstBufferBytes))
    this.#filled = 0
  }

  #readBody(chunk: Uint8Array, at: number, records: WireRecord[]): number {
    const take = Math.min(this.#length - this.#filled, chunk.length - at)
    if (this.#filled === 0 && chunk[at] !== 0 && this.#length > controlBytesMax) {
      this.#fault = 'malformed'
      return at
    }
    const body = this.#room(this.#filled + take)
    body.set(chunk.subarray(at, at + take), this.#filled)
    this.#filled += take
    if (this.#filled === this.#length) {
      const record = parse(body.subarray(0, this.#length))
      if (record === undefined) this.#fault = 'malformed'
      else records.push(record)
      this.#body = undefined
      this.#length = 0
      this.#lengthBytes = 0
    }
    return at + take
  }

  #room(bytes: number): Uint8Array {
    const body = this.#body ?? new Uint8Array(0)
    if (bytes <= body.length) return body
    const larger = new Uint8Array(Math.min(this.#length, Math.max(bytes, 2 * body.length)))
    larger.set(body.subarray(0, this.#filled))
    this.#body = larger
    return larger
  }
}

function parse(body: Uint8Array): WireRecord | undefined {
  const kind = kinds[body[0] ?? kinds.length]
  const rest = body.subarray(1)
  switch (kind) {
    case 'frame':
      return { kind, frame: rest }
    case 'hello': {
      const hello = parseHello(rest)
      return hello === undefined ? undefined : { kind, hello }
    }
    case 'handled': {
      const count = readVarint(rest, 0)
      return count?.next === rest.length ? { kind, count: count.value } : undefined
    }
    case 'ping':
    case 'pong':
    case 'bye':
      return rest.length === 0 ? { kind } : undefined
    default:
      return undefined
  }
}

function parseHello(body: Uint8Array): Hello | undefined {
  const afterNonces = 1 + 2 * nonceBytes
  if (body[0] !== version || body.length < afterNonces) return undefined
  const attempt = readVarint(body, afterNonces)
  if (attempt === undefined) return undefined
  const received = readVarint(body, attempt.next)
  if (received?.next !== body.length) return undefined
  return {
    own: toHex(body.subarray(1, 1 + nonceBytes)),
    peer: toHex(body.subarray(1 + nonceBytes, afterNonces)),
    attempt: attempt.value,
    received: received.value,
  }
}

function control(kind: (typeof kinds)[number], body: readonly number[]): Uint8Array {
  return Uint8Array.from([...varint(body.length + 1), kinds.indexOf(kind), ...body])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return bytes
}

/** `undefined` when the varint is cut off or over 2^53. */
function readVarint(bytes: Uint8Array, start: number): { value: number; next: number } | undefined {
  let value = 0
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    value += (byte & 0x7f) * 2 ** (7 * (at - start))
    if (value > Number.MAX_SAFE_INTEGER) return undefined
    if (byte < 0x80) return { value, next: at + 1 }
  }
  return undefined
}
