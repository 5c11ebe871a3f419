import { fail } from './stdio'
import { endOf, startOf, stringOf } from './utf'

const comma = 0x2c
const quote = 0x22
const lineFeed = 0x0a
const carriageReturn = 0x0d
const byteOrderMark = 0xfeff

/** Goes through the fields of a CSV text (RFC 4180; lines end with CRLF or LF). */
@final
export class CsvReader {
  /** The line that the next record starts in, from 1. */
  line: i32 = 1
  private at: usize
  private end: usize

  constructor(text: string) {
    this.at = startOf(text)
    this.end = endOf(text)
    if (this.at < this.end && load<u16>(this.at) == byteOrderMark) this.at += 2
  }

  /** The next record's fields, or none at the end. Empty lines are passed over. */
  next(): Array<string> | null {
    while (this.at < this.end && this.isLineEnd()) this.endLine()
    if (this.at == this.end) return null
    const fields: Array<string> = []
    while (true) {
      fields.push(this.field())
      if (this.at == this.end) return fields
      if (load<u16>(this.at) == comma) {
        this.at += 2
        continue
      }
      this.endLine()
      return fields
    }
  }

  /** Leaves the comma or line end behind the field. */
  private field(): string {
    if (this.at < this.end && load<u16>(this.at) == quote) return this.quoted()
    const start = this.at
    while (this.at < this.end && load<u16>(this.at) != comma && !this.isLineEnd()) {
      if (load<u16>(this.at) == quote) this.refuse('a quote in a field that does not start with one')
      this.at += 2
    }
    return stringOf(start, this.at)
  }

  private quoted(): string {
    const first = this.line
    let text = ''
    this.at += 2
    while (true) {
      const start = this.at
      while (this.at < this.end && load<u16>(this.at) != quote) {
        if (load<u16>(this.at) == lineFeed) this.line++
        this.at += 2
      }
      if (this.at == this.end) {
        this.line = first
        this.refuse('a quoted field that does not end')
      }
      text += stringOf(start, this.at)
      this.at += 2
      if (this.at == this.end || load<u16>(this.at) != quote) break
      text += '"'
      this.at += 2
    }
    if (this.at < this.end && load<u16>(this.at) != comma && !this.isLineEnd()) {
      this.refuse('text behind the end of a quoted field')
    }
    return text
  }

  private isLineEnd(): bool {
    const unit: u32 = load<u16>(this.at)
    if (unit == lineFeed) return true
    return unit == carriageReturn && (this.at + 2 == this.end || load<u16>(this.at, 2) == lineFeed)
  }

  private endLine(): void {
    if (load<u16>(this.at) == carriageReturn) this.at += 2
    if (this.at < this.end) this.at += 2
    this.line++
  }

  private refuse(why: string): void {
    fail('data: line ' + this.line.toString() + ' of the CSV has ' + why)
  }
}
