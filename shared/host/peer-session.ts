import { FrameBacklog, frameCost } from './frame-backlog.ts'
import type { WireFault, WireRecord } from './peer-wire.ts'
import { encodeHandled, encodeSignal, frameBytesMax, frameHeader } from './peer-wire.ts'

/** What a session writes to: one libp2p stream, as far as a session needs it. */
export interface SessionStream {
  /** Hands bytes to the stream; false: write no more before `drained` is called. */
  write(bytes: Uint8Array): boolean
}

export type SessionFault = WireFault | 'flood'
/** Why a session cannot go on: a limit of ours or silence of theirs. */
export type SessionEnd = 'overflow' | 'stalled' | 'silent'

export interface SessionOwner {
  /** Awaited before the next frame of this peer is handed over. */
  deliver(frame: Uint8Array): Promise<void>
  fault(reason: SessionFault): void
  end(reason: SessionEnd): void
}

/** A peer may have this many bytes under way that the other end has not handled. */
export const windowBytes = 1024 * 1024
/** Frames that wait for a peer or for its word that it handled them, together; one more byte ends the session. */
export const heldBytesMax = 8 * 1024 * 1024
/** Every call of `tick` is one of these. */
export const tickMs = 5_000
/** 30 s with frames under way and no word that one was handled. */
const stalledTicksMax = 6
/** After 30 s without a sign of life one is asked for; three unanswered, and the peer is gone (NET-07). */
const pingTicks = 6
const missedPingsMax = 3
/** A word on handled frames is due at a quarter of the window, else within this time. */
const handledDelayMs = 100
/** Small frames go to the stream together, up to this size. */
const batchBytes = 32 * 1024

/**
 * The frames to and from one peer, whatever stream carries them just now.
 *
 * 1. Frames are delivered once, in order, one at a time.
 * 2. A frame is kept until the other end says it handled it: so a stream may break, or give way to a better one, at
 *    any byte. The next stream starts with how many frames each end has received, and goes on after them.
 * 3. At most `windowBytes` (or one frame, if larger) are under way unhandled. A slow listener thus stops the far
 *    sender, over every transport: WebRTC data channels alone would pile up here.
 */
export class PeerSession {
  readonly #owner: SessionOwner
  readonly #backlog = new FrameBacklog()
  readonly #inbox: Uint8Array[] = []
  #inboxBytes = 0
  #received = 0
  #handled = 0
  #reported = 0
  #unreportedBytes = 0
  #delivering = false
  #stream: SessionStream | undefined
  #writable = false
  #flushing = false
  /** Frames at the start of the present stream that came by the one before. */
  #skip = 0
  #ended = false
  #handledTimer: ReturnType<typeof setTimeout> | undefined
  #stalledTicks = 0
  #quietTicks = 0
  #missedPings = 0

  constructor(owner: SessionOwner) {
    this.#owner = owner
  }

  /** Frames taken in so far, in order. */
  get received(): number {
    return this.#received
  }

  get unsentBytes(): number {
    return this.#backlog.unsentBytes
  }

  /** Queues a frame; false when that is more than may wait, which ends the session. */
  send(frame: Uint8Array): boolean {
    if (frame.length > frameBytesMax) {
      throw new RangeError(`a frame of ${frame.length} bytes is over the limit of ${frameBytesMax}`)
    }
    if (this.#ended) return false
    if (this.#backlog.heldBytes + frameCost(frame) > heldBytesMax) {
      this.#finish('overflow')
      return false
    }
    this.#backlog.push(frame)
    this.#flushSoon()
    return true
  }

  /**
   * Goes on over this stream. `theyReceived` is what the other end took in so far; `weStated` what it was told we had,
   * from where it sends. False when its count cannot be.
   */
  carryOn(stream: SessionStream, theyReceived: number, weStated: number): boolean {
    if (!this.#backlog.rewindTo(theyReceived)) return false
    this.#stream = stream
    this.#writable = true
    this.#skip = this.#received - weStated
    this.#quietTicks = 0
    this.#missedPings = 0
    // Said again on every stream: the last word may have gone down with the one before.
    if (this.#handled > 0) this.#report()
    this.#flush()
    return true
  }

  /** The stream is gone; frames wait for the next. */
  detach(): void {
    this.#stream = undefined
    this.#writable = false
  }

  drained(): void {
    this.#writable = this.#stream !== undefined
    this.#flush()
  }

  /** Any record but `hello` and `bye`, which are the link's. */
  take(record: Exclude<WireRecord, { kind: 'hello' | 'bye' }>): void {
    if (this.#ended) return
    this.#quietTicks = 0
    this.#missedPings = 0
    switch (record.kind) {
      case 'frame':
        this.#takeFrame(record.frame)
        return
      case 'handled':
        this.#forget(record.count)
        return
      case 'ping':
        this.#write(encodeSignal('pong'))
        return
      case 'pong':
        return
    }
  }

  /**
   * To be called every `tickMs`. Ticks are counted, not time: a page that was frozen finds the clock far ahead and the
   * answers still unread.
   */
  tick(): void {
    if (this.#ended) return
    this.#stalledTicks = this.#backlog.heldBytes > 0 ? this.#stalledTicks + 1 : 0
    if (this.#stalledTicks > stalledTicksMax) {
      this.#finish('stalled')
      return
    }
    this.#quietTicks++
    if (this.#quietTicks < pingTicks) return
    this.#quietTicks = 0
    if (this.#missedPings === missedPingsMax) {
      this.#finish('silent')
      return
    }
    this.#missedPings++
    this.#write(encodeSignal('ping'))
  }

  /** Ends it: nothing is sent or delivered any more. */
  stop(): void {
    this.#ended = true
    this.detach()
    clearTimeout(this.#handledTimer)
    this.#inbox.length = 0
  }

  #finish(reason: SessionEnd): void {
    this.#ended = true
    // Later, because the owner may be in the middle of a `send`.
    queueMicrotask(() => this.#owner.end(reason))
  }

  #forget(handled: number): void {
    const before = this.#backlog.heldBytes
    if (!this.#backlog.handledUpTo(handled)) {
      this.#owner.fault('malformed')
      return
    }
    if (this.#backlog.heldBytes < before) this.#stalledTicks = 0
    this.#flush()
  }

  #takeFrame(frame: Uint8Array): void {
    if (this.#skip > 0) {
      this.#skip--
      return
    }
    const cost = frameCost(frame)
    // One frame larger than the window may be under way alone, never beside others.
    if (this.#inboxBytes > 0 && this.#inboxBytes + cost > windowBytes) {
      this.#owner.fault('flood')
      return
    }
    this.#received++
    this.#inboxBytes += cost
    this.#inbox.push(frame)
    if (!this.#delivering) void this.#deliver()
  }

  async #deliver(): Promise<void> {
    this.#delivering = true
    for (let at = 0; at < this.#inbox.length; ) {
      const frame = this.#inbox[at++]
      if (frame === undefined) break
      await this.#owner.deliver(frame)
      if (this.#ended) return
      const cost = frameCost(frame)
      this.#inboxBytes -= cost
      this.#handled++
      this.#unreportedBytes += cost
      if (this.#unreportedBytes >= windowBytes / 4) this.#report()
      if (at === 256 || at === this.#inbox.length) {
        this.#inbox.splice(0, at)
        at = 0
      }
    }
    this.#delivering = false
    if (this.#reported < this.#handled)
      this.#handledTimer ??= setTimeout(() => this.#report(), handledDelayMs)
  }

  #report(): void {
    clearTimeout(this.#handledTimer)
    this.#handledTimer = undefined
    if (this.#stream === undefined) return
    this.#reported = this.#handled
    this.#unreportedBytes = 0
    this.#write(encodeHandled(this.#handled))
  }

  #write(bytes: Uint8Array): void {
    if (this.#stream !== undefined && !this.#stream.write(bytes)) this.#writable = false
  }

  /** After the present task, so that many small frames of one tick go out as one. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    let batch: Uint8Array[] = []
    let bytes = 0
    const out = () => {
      if (batch.length > 0) this.#write(joined(batch, bytes))
      batch = []
      bytes = 0
    }
    while (this.#writable && !this.#ended) {
      const frame = this.#backlog.peek()
      if (frame === undefined || !this.#fits(frame)) break
      this.#backlog.take()
      const header = frameHeader(frame.length)
      batch.push(header, frame)
      bytes += header.length + frame.length
      if (bytes >= batchBytes) out()
    }
    if (!this.#ended) out()
  }

  #fits(frame: Uint8Array): boolean {
    const inFlight = this.#backlog.inFlightBytes
    return inFlight === 0 || inFlight + frameCost(frame) <= windowBytes
  }
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
