/** Above this much text in hand, it is given to the browser as a blob, which it may keep on disk; in characters. */
const handMax = 256 * 1024

/** A long text made of pieces, kept out of the page's heap. */
export class TextPile {
  readonly #blobs: Blob[] = []
  #hand: string[] = []
  #handLength = 0

  add(text: string): void {
    this.#hand.push(text)
    this.#handLength += text.length
    if (this.#handLength > handMax) this.#putDown()
  }

  /** All of it between a head and a tail. */
  toBlob(type: string, head = '', tail = ''): Blob {
    this.#putDown()
    return new Blob([head, ...this.#blobs, tail], { type })
  }

  #putDown(): void {
    if (this.#hand.length === 0) return
    this.#blobs.push(new Blob(this.#hand))
    this.#hand = []
    this.#handLength = 0
  }
}
