/** What a small frame costs beside its bytes, in bytes: a million empty frames are not free. */
const frameOverheadBytes = 64

/** What a frame counts for in windows and caps, in bytes; both ends reckon the same. */
export function frameCost(frame: Uint8Array): number {
  return frame.length + frameOverheadBytes
}

/**
 * Frames that wait to be sent, and behind them those that were sent and not yet reported handled. Frames are
 * numbered from 0 in a session.
 */
export class FrameBacklog {
  /** Frames that were handled are let go at once; their empty places go by the half. */
  #frames: (Uint8Array | undefined)[] = []
  /** Number of the frame at `#frames[0]`. */
  #base = 0
  /** Frames before this number were handled by the other end and are forgotten here: `#forgotten ≤ #next`. */
  #forgotten = 0
  /** The number to send next on the present stream. */
  #next = 0
  #heldBytes = 0
  #unsentBytes = 0
  /** One past the highest number sent on any stream. */
  #sentEnd = 0
  /** The other end's last word on how many it handled. */
  #handled = 0

  /** Cost of all frames held, sent or not. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Cost of the frames not yet sent on the present stream. */
  get unsentBytes(): number {
    return this.#unsentBytes
  }

  get inFlightBytes(): number {
    return this.#heldBytes - this.#unsentBytes
  }

  push(frame: Uint8Array): void {
    this.#frames.push(frame)
    this.#heldBytes += frameCost(frame)
    this.#unsentBytes += frameCost(frame)
  }

  /** The next frame to send, or `undefined`; `take` moves on past it. */
  peek(): Uint8Array | undefined {
    return this.#frames[this.#next - this.#base]
  }

  take(): void {
    const frame = this.peek()
    if (frame === undefined) return
    this.#unsentBytes -= frameCost(frame)
    this.#next++
    this.#sentEnd = Math.max(this.#sentEnd, this.#next)
    this.#forget()
  }

  /**
   * Forgets the frames before `count`; false when that many were never sent or it goes back. A frame that the present
   * stream has yet to carry is kept until it did, though it was handled: the other end counts by what comes.
   */
  handledUpTo(count: number): boolean {
    if (count < this.#handled || count > this.#sentEnd) return false
    this.#handled = count
    this.#forget()
    return true
  }

  /** Sends again from frame `received` on; false when the other end cannot have received that many. */
  rewindTo(received: number): boolean {
    if (received < this.#handled || received > this.#sentEnd) return false
    for (let number = received; number < this.#next; number++) this.#unsentBytes += this.#costOf(number)
    for (let number = this.#next; number < received; number++) this.#unsentBytes -= this.#costOf(number)
    this.#next = received
    this.#forget()
    return true
  }

  #forget(): void {
    const end = Math.min(this.#handled, this.#next)
    for (; this.#forgotten < end; this.#forgotten++) {
      this.#heldBytes -= this.#costOf(this.#forgotten)
      this.#frames[this.#forgotten - this.#base] = undefined
    }
    const gone = this.#forgotten - this.#base
    if (2 * gone < this.#frames.length) return
    this.#frames = this.#frames.slice(gone)
    this.#base = this.#forgotten
  }

  #costOf(number: number): number {
    const frame = this.#frames[number - this.#base]
    return frame === undefined ? 0 : frameCost(frame)
  }
}
