import { ARRAY, FALSE, Json, NULL, NUMBER, OBJECT, STRING, TRUE } from './json-value'
import { fail, Span } from './stdio'
import { decodeString, utf8Length } from './utf'

/** Arrays and objects within one another. */
const depthMax = 500
const knownKeys = 256

/** Reads one JSON text (RFC 8259). Anything else ends the program with the byte at which it stops to be JSON. */
export function parseJson(text: Span): Json {
  return new Parser(text.start, text.end).parse()
}

@final
class Parser {
  private at: usize
  private root: Json | null = null
  private open: StaticArray<Json> = new StaticArray<Json>(depthMax)
  private lasts: StaticArray<Json | null> = new StaticArray<Json | null>(depthMax)
  private depth: i32 = 0
  // Rows of a table have the same few keys: a key met before is not made again.
  private keyStarts: StaticArray<usize> = new StaticArray<usize>(knownKeys)
  private keyEnds: StaticArray<usize> = new StaticArray<usize>(knownKeys)
  private keys: StaticArray<string> = new StaticArray<string>(knownKeys)

  constructor(
    private start: usize,
    private end: usize,
  ) {
    this.at = start
  }

  parse(): Json {
    let key = ''
    while (true) {
      const value = this.value()
      value.key = key
      this.attach(value)
      if (value.kind >= ARRAY) {
        this.space()
        if (this.peek() == closing(value.kind)) {
          this.at++
          value.end = this.at
        } else {
          if (this.depth == depthMax)
            this.refuse('more than ' + depthMax.toString() + ' levels of arrays and objects')
          this.open[this.depth] = value
          this.lasts[this.depth] = null
          this.depth++
          if (value.kind == OBJECT) key = this.name()
          continue
        }
      }
      if (this.goesOn()) {
        if (this.open[this.depth - 1].kind == OBJECT) key = this.name()
        else key = ''
      } else {
        return this.root!
      }
    }
  }

  private attach(value: Json): void {
    if (this.depth == 0) {
      this.root = value
      return
    }
    const parent = this.open[this.depth - 1]
    const last = this.lasts[this.depth - 1]
    if (last === null) parent.first = value
    else last.next = value
    this.lasts[this.depth - 1] = value
    parent.size++
  }

  /** Behind a value: closes what ends here. False at the end of the text. */
  private goesOn(): bool {
    while (true) {
      this.space()
      if (this.depth == 0) {
        if (this.at < this.end) this.refuse('the text goes on behind its value')
        return false
      }
      const container = this.open[this.depth - 1]
      const byte = this.peek()
      if (byte == 0x2c) {
        this.at++
        return true
      }
      if (byte != closing(container.kind))
        this.refuse(container.kind == ARRAY ? 'expected , or ]' : 'expected , or }')
      this.at++
      container.end = this.at
      this.depth--
    }
  }

  /** A scalar to its end, or the opening of an array or object. */
  private value(): Json {
    this.space()
    const start = this.at
    const byte = this.peek()
    switch (byte) {
      case 0x22: {
        this.string()
        return new Json(STRING, start + 1, this.at - 1)
      }
      case 0x5b: {
        this.at++
        return new Json(ARRAY, start, start)
      }
      case 0x7b: {
        this.at++
        return new Json(OBJECT, start, start)
      }
      case 0x6e:
        return this.word('null', NULL)
      case 0x66:
        return this.word('false', FALSE)
      case 0x74:
        return this.word('true', TRUE)
    }
    if (byte != 0x2d && !isDigit(byte)) this.refuse('expected a value')
    this.number()
    return new Json(NUMBER, start, this.at)
  }

  private word(word: string, kind: i32): Json {
    const start = this.at
    for (let i = 0; i < word.length; i++) {
      if (this.peek() != word.charCodeAt(i)) this.refuse('expected ' + word)
      this.at++
    }
    return new Json(kind, start, this.at)
  }

  private number(): void {
    if (this.peek() == 0x2d) this.at++
    if (this.peek() == 0x30) this.at++
    else this.digits()
    if (this.peek() == 0x2e) {
      this.at++
      this.digits()
    }
    if ((this.peek() | 0x20) == 0x65) {
      this.at++
      if (this.peek() == 0x2b || this.peek() == 0x2d) this.at++
      this.digits()
    }
  }

  private digits(): void {
    if (!isDigit(this.peek())) this.refuse('expected a digit')
    while (isDigit(this.peek())) this.at++
  }

  /** From one quote to the other, which it leaves behind. */
  private string(): void {
    this.at++
    while (true) {
      const byte = this.peek()
      if (byte >= 0x20 && byte < 0x80 && byte != 0x22 && byte != 0x5c) {
        this.at++
      } else if (byte == 0x22) {
        this.at++
        return
      } else if (byte == 0x5c) {
        this.escape()
      } else if (byte >= 0x80) {
        const length = utf8Length(this.at, this.end)
        if (length == 0) this.refuse('not UTF-8')
        this.at += length
      } else {
        this.refuse(this.at < this.end ? 'a control character has to be escaped' : 'the string does not end')
      }
    }
  }

  private escape(): void {
    this.at++
    const byte = this.peek()
    switch (byte) {
      case 0x22:
      case 0x5c:
      case 0x2f:
      case 0x62:
      case 0x66:
      case 0x6e:
      case 0x72:
      case 0x74:
        break
      case 0x75: {
        for (let i = 0; i < 4; i++) {
          this.at++
          if (!isHexDigit(this.peek())) this.refuse('expected a hexadecimal digit')
        }
        break
      }
      default:
        this.refuse('no such escape')
    }
    this.at++
  }

  /** A member's name and its colon. */
  private name(): string {
    this.space()
    if (this.peek() != 0x22) this.refuse('expected a name in quotes')
    const start = this.at + 1
    this.string()
    const end = this.at - 1
    this.space()
    if (this.peek() != 0x3a) this.refuse('expected :')
    this.at++
    let hash: u32 = 0x811c9dc5
    for (let at = start; at < end; at++) hash = (hash ^ load<u8>(at)) * 0x01000193
    const slot = <i32>((hash ^ (hash >>> 16)) % knownKeys)
    const length = end - start
    const knownStart = this.keyStarts[slot]
    if (
      knownStart == 0 ||
      this.keyEnds[slot] - knownStart != length ||
      memory.compare(knownStart, start, length) != 0
    ) {
      this.keyStarts[slot] = start
      this.keyEnds[slot] = end
      this.keys[slot] = decodeString(start, end)
    }
    return this.keys[slot]
  }

  private space(): void {
    while (this.at < this.end) {
      const byte = load<u8>(this.at)
      if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return
      this.at++
    }
  }

  /** The next byte; 0, which is no part of any value, at the end. */
  private peek(): u32 {
    return this.at < this.end ? load<u8>(this.at) : 0
  }

  private refuse(why: string): void {
    if (this.start == this.end) fail('the input is empty; it has to be JSON')
    fail('the input is not JSON: ' + why + ' at byte ' + (this.at - this.start).toString())
  }
}

function closing(kind: i32): u32 {
  return kind == ARRAY ? 0x5d : 0x7d
}

function isDigit(byte: u32): bool {
  return byte - 0x30 < 10
}

function isHexDigit(byte: u32): bool {
  return isDigit(byte) || (byte | 0x20) - 0x61 < 6
}
