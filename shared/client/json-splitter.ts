import { type Refusal, refuse } from '../kernel/refusal.ts'
import { type ItemSplitter, itemCharactersMax, type JsonValue } from './item-splitter.ts'
import { LineSplitter } from './line-splitter.ts'

/** White space of JSON (RFC 8259, section 2), and a line feed in the text of an element alike. */
const firstOther = /[^ \t\n\r]/
const structural = /["[\]{},]/g
const inString = /["\\]/g

/**
 * The elements of a JSON array, or of NDJSON where the text does not begin with a bracket. Only where an element ends is
 * found here: what it is JSON.parse says, so that it is the same as that of the whole text.
 */
export class JsonSplitter implements ItemSplitter {
  #lines: NdjsonSplitter | undefined
  #state: 'before' | 'elements' | 'behind' = 'before'
  /** Of the element that has not ended. */
  #parts: string[] = []
  #length = 0
  #depth = 0
  #isInString = false
  #isEscaped = false
  #count = 0
  #blankLines = 0

  push(text: string, items: JsonValue[]): Refusal | undefined {
    if (this.#lines !== undefined) return this.#lines.push(text, items)
    switch (this.#state) {
      case 'before': {
        const first = text.search(firstOther)
        const blank = first < 0 ? text : text.slice(0, first)
        this.#blankLines += blank.split('\n').length - 1
        if (first < 0) return undefined
        if (text[first] !== '[') {
          this.#lines = new NdjsonSplitter(this.#blankLines)
          return this.#lines.push(text.slice(first), items)
        }
        this.#state = 'elements'
        return this.#elements(text, first + 1, items)
      }
      case 'elements':
        return this.#elements(text, 0, items)
      case 'behind':
        return this.#behind(text, 0)
    }
  }

  end(items: JsonValue[]): Refusal | undefined {
    if (this.#lines !== undefined) return this.#lines.end(items)
    if (this.#state === 'before') return refuse('NotAnArray', 'not a JSON array, and no line of JSON')
    return this.#state === 'behind' ? undefined : refuse('NotJson', 'the JSON array does not end')
  }

  #elements(text: string, start: number, items: JsonValue[]): Refusal | undefined {
    let from = start
    for (let at = this.#nextEnd(text, start); at !== undefined; at = this.#nextEnd(text, at + 1)) {
      const element = this.#parts.join('') + text.slice(from, at)
      this.#parts = []
      this.#length = 0
      from = at + 1
      if (text[at] === '}') return refuse('NotJson', `element ${this.#count}: not JSON: a brace too many`)
      const isLast = text[at] === ']'
      const isNone = isLast && this.#count === 0 && !firstOther.test(element)
      const wrong = isNone ? undefined : this.#take(element, items)
      if (wrong !== undefined) return wrong
      if (isLast) {
        this.#state = 'behind'
        return this.#behind(text, from)
      }
    }
    this.#parts.push(text.slice(from))
    this.#length += text.length - from
    if (this.#length <= itemCharactersMax) return undefined
    return refuse('ItemTooLarge', `element ${this.#count}: longer than any item may be`)
  }

  #take(element: string, items: JsonValue[]): Refusal | undefined {
    const value = parsed(element, `element ${this.#count}`)
    if ('wrong' in value) return value.wrong
    items.push(value.json)
    this.#count++
    return undefined
  }

  #behind(text: string, from: number): Refusal | undefined {
    if (!firstOther.test(text.slice(from))) return undefined
    const advice = 'lines of JSON that are arrays can stand in an array themselves'
    return refuse('NotJson', `text behind the end of the JSON array (${advice})`)
  }

  /** Where the element ends that goes on at `start`: at a comma or a bracket of the array itself. */
  #nextEnd(text: string, start: number): number | undefined {
    let at = start
    if (this.#isEscaped && at < text.length) {
      this.#isEscaped = false
      at++
    }
    while (at < text.length) {
      const pattern = this.#isInString ? inString : structural
      pattern.lastIndex = at
      const found = pattern.exec(text)
      if (found === null) return undefined
      at = found.index + 1
      switch (found[0]) {
        case '"':
          this.#isInString = !this.#isInString
          break
        case '\\':
          this.#isEscaped = at === text.length
          at++
          break
        case '[':
        case '{':
          this.#depth++
          break
        case ',':
          if (this.#depth === 0) return found.index
          break
        default:
          if (this.#depth === 0) return found.index
          this.#depth--
      }
    }
    return undefined
  }
}

/** One JSON value a line; empty lines are none. */
class NdjsonSplitter implements ItemSplitter {
  readonly #lines = new LineSplitter()
  #line: number

  constructor(linesBefore: number) {
    this.#line = linesBefore + 1
  }

  push(text: string, items: JsonValue[]): Refusal | undefined {
    const lines: string[] = []
    return this.#lines.push(text, lines) ?? this.#parse(lines, items)
  }

  end(items: JsonValue[]): Refusal | undefined {
    const lines: string[] = []
    this.#lines.end(lines)
    return this.#parse(lines, items)
  }

  #parse(lines: readonly string[], items: JsonValue[]): Refusal | undefined {
    for (const line of lines) {
      const value = firstOther.test(line) ? parsed(line, `line ${this.#line}`) : undefined
      if (value !== undefined && 'wrong' in value) return value.wrong
      if (value !== undefined) items.push(value.json)
      this.#line++
    }
    return undefined
  }
}

function parsed(text: string, where: string): { readonly json: JsonValue } | { readonly wrong: Refusal } {
  try {
    return { json: JSON.parse(text) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { wrong: refuse('NotJson', `${where}: not JSON: ${why}`) }
  }
}
