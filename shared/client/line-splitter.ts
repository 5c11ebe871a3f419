import { type Refusal, refuse } from '../kernel/refusal.ts'
import { type ItemSplitter, itemCharactersMax, type JsonValue } from './item-splitter.ts'

/** FORMATS, "CLI": a text of no characters has no lines; a single line feed is one empty line. */
export class LineSplitter implements ItemSplitter {
  /** Of the line that has not ended. */
  #parts: string[] = []
  #length = 0
  #line = 1

  push(text: string, items: JsonValue[]): Refusal | undefined {
    let at = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
      const line = this.#parts.join('') + text.slice(at, end)
      items.push(line.endsWith('\r') ? line.slice(0, -1) : line)
      this.#parts = []
      this.#length = 0
      this.#line++
      at = end + 1
    }
    if (at === text.length) return undefined
    this.#parts.push(text.slice(at))
    this.#length += text.length - at
    if (this.#length <= itemCharactersMax) return undefined
    return refuse('ItemTooLarge', `line ${this.#line}: longer than any item may be`)
  }

  end(items: JsonValue[]): undefined {
    if (this.#length > 0) items.push(this.#parts.join(''))
  }
}
