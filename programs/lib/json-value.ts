import { parseNumber } from './number-read'
import { decodeString } from './utf'

/** What a JSON value is. */
export const NULL = 0
export const FALSE = 1
export const TRUE = 2
export const NUMBER = 3
export const STRING = 4
export const ARRAY = 5
export const OBJECT = 6

/**
 * A value of a JSON text. Numbers and strings stay bytes of the text until they are asked for. Elements and members
 * hang on one another: `for (let child = value.first; child !== null; child = child!.next)`.
 */
@final
export class Json {
  /** Elements or members. */
  size: i32 = 0
  /** Name of a member. */
  key: string = ''
  first: Json | null = null
  next: Json | null = null

  constructor(
    public kind: i32,
    /** First byte; a string's is behind its quote. */
    public start: usize,
    /** Behind the last byte; a string's is its closing quote. */
    public end: usize,
  ) {}

  /** The number as JavaScript reads it; Infinity when it is too large. */
  number(): f64 {
    return parseNumber(this.start, this.end, 1)
  }

  /** The string's UTF-16. */
  text(): string {
    return decodeString(this.start, this.end)
  }

  /** The member of that name, the last one if there are more, as in JavaScript. */
  member(name: string): Json | null {
    let found: Json | null = null
    for (let child = this.first; child !== null; child = child!.next) if (child.key == name) found = child
    return found
  }

  /** What this is, for messages. */
  kindName(): string {
    switch (this.kind) {
      case NULL:
        return 'null'
      case FALSE:
      case TRUE:
        return 'a boolean'
      case NUMBER:
        return 'a number'
      case STRING:
        return 'a string'
      case ARRAY:
        return 'an array'
      default:
        return 'an object'
    }
  }
}
