/** What a small frame costs beside its bytes, in bytes: a million empty frames are not free. */
const frameOverheadBytes = 64

/** What a frame counts for in windows and caps, in bytes; both ends reckon the same. */
export function frameCost(frame: Uint8Array): number {
  return frame.length + frameOverheadBytes
}

/**
 * Frames that wait to be sent, and behind them those that were sent and not yet reported handled. Frames are
 * numbered from 0 in a session; `handled ≤ next ≤ end`.
 */
export class FrameBacklog {
  /** Frames that were handled are let go at once; their empty places go by the half. */
  #frames: (Uint8Array | undefined)[] = []
  /** Number of the frame at `#frames[0]`. */
  #base = 0
  /** Frames before this number were handled by the other end. */
  #handled = 0
  #next = 0
  #heldBytes = 0
  #unsentBytes = 0
  #sentEnd = 0

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
  }

  /** Forgets the frames before `count`; false when that many were never sent or it goes back. */
  handledUpTo(count: number): boolean {
    if (count < this.#handled || count > this.#sentEnd) return false
    for (let number = this.#handled; number < count; number++) {
      const cost = this.#costOf(number)
      this.#heldBytes -= cost
      // To be sent again, and only now comes the word that it was handled before.
      if (number >= this.#next) this.#unsentBytes -= cost
      this.#frames[number - this.#base] = undefined
    }
    this.#handled = count
    this.#next = Math.max(this.#next, count)
    this.#compact()
    return true
  }

  /** Sends again from frame `received` on; false when the other end cannot have received that many. */
  rewindTo(received: number): boolean {
    if (received < this.#handled || received > this.#sentEnd) return false
    for (let number = received; number < this.#next; number++) this.#unsentBytes += this.#costOf(number)
    for (let number = this.#next; number < received; number++) this.#unsentBytes -= this.#costOf(number)
    this.#next = received
    return true
  }

  #costOf(number: number): number {
    const frame = this.#frames[number - this.#base]
    return frame === undefined ? 0 : frameCost(frame)
  }

  #compact(): void {
    const gone = this.#handled - this.#base
    if (2 * gone < this.#frames.length) return
    this.#frames = this.#frames.slice(gone)
    this.#base = this.#handled
  }
}
