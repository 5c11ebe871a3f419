import { isWordPoint, toLowerCase } from './letters'
import { normalize } from './normalize'
import { endOf, pointAt, pointBytes, startOf } from './utf'

/**
 * Goes through the words of a text, normalised (NFC) and in lower case. A word is a run of letters, marks and numbers;
 * an apostrophe inside it belongs to it.
 */
@final
export class Words {
  /** The current word's UTF-16; `end` is behind it. */
  start: usize = 0
  end: usize = 0
  /** The text that the words are parts of. */
  readonly text: string
  private at: usize
  private textEnd: usize

  constructor(text: string) {
    this.text = toLowerCase(normalize(text))
    this.at = startOf(this.text)
    this.textEnd = endOf(this.text)
  }

  /** Goes to the next word; false when there is none. */
  next(): bool {
    while (this.at < this.textEnd) {
      const point = pointAt(this.at, this.textEnd)
      if (isWordPoint(point)) break
      this.at += pointBytes(point)
    }
    if (this.at == this.textEnd) return false
    this.start = this.at
    while (true) {
      this.end = this.run(this.at)
      if (this.end == this.textEnd || !isApostrophe(load<u16>(this.end))) break
      this.at = this.end + 2
      if (this.at == this.textEnd || !isWordPoint(pointAt(this.at, this.textEnd))) break
    }
    this.at = this.end
    return true
  }

  /** Behind the word characters that stand at `from`. */
  private run(from: usize): usize {
    let at = from
    while (at < this.textEnd) {
      const point = pointAt(at, this.textEnd)
      if (!isWordPoint(point)) break
      at += pointBytes(point)
    }
    return at
  }
}

function isApostrophe(unit: u32): bool {
  return unit == 0x27 || unit == 0x2019
}
