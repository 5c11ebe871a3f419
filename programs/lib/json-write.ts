import { putNumber } from './number-write'
import { flush, putAscii, putByte } from './stdio'
import { endOf, pointAt, pointBytes, startOf } from './utf'

// JSON to stdout as JSON.stringify writes it. Commas come by themselves.
let needsComma = false

export function openObject(): void {
  open(0x7b)
}

export function closeObject(): void {
  close(0x7d)
}

export function openArray(): void {
  open(0x5b)
}

export function closeArray(): void {
  close(0x5d)
}

/** A member's name; its value has to follow. */
export function writeKey(name: string): void {
  separate()
  putString(name)
  putByte(0x3a)
  needsComma = false
}

export function writeString(text: string): void {
  separate()
  putString(text)
}

/** Shortest form that reads back the same; null for what JSON has no number for. */
export function writeNumber(value: f64): void {
  separate()
  putNumber(value)
}

export function writeInteger(value: i64): void {
  separate()
  putAscii(value.toString())
}

export function writeBoolean(value: bool): void {
  separate()
  putAscii(value ? 'true' : 'false')
}

export function writeNull(): void {
  separate()
  putAscii('null')
}

/** Sends the answer; a program's last act. */
export function finish(): void {
  flush()
}

function open(bracket: u32): void {
  separate()
  putByte(bracket)
  needsComma = false
}

function close(bracket: u32): void {
  putByte(bracket)
  needsComma = true
}

function separate(): void {
  if (needsComma) putByte(0x2c)
  needsComma = true
}

function putString(text: string): void {
  putByte(0x22)
  const end = endOf(text)
  let at = startOf(text)
  while (at < end) {
    const point = pointAt(at, end)
    at += pointBytes(point)
    if (point < 0x80) putAsciiOrEscape(point)
    else putUtf8(point)
  }
  putByte(0x22)
}

function putAsciiOrEscape(unit: u32): void {
  if (unit >= 0x20 && unit != 0x22 && unit != 0x5c) {
    putByte(unit)
    return
  }
  putByte(0x5c)
  switch (unit) {
    case 0x08:
      putByte(0x62)
      break
    case 0x09:
      putByte(0x74)
      break
    case 0x0a:
      putByte(0x6e)
      break
    case 0x0c:
      putByte(0x66)
      break
    case 0x0d:
      putByte(0x72)
      break
    case 0x22:
    case 0x5c:
      putByte(unit)
      break
    default:
      putHex(unit)
  }
}

function putUtf8(point: u32): void {
  if (point < 0x800) {
    putByte(0xc0 | (point >>> 6))
  } else if (point < 0x10000) {
    if ((point & 0xf800) == 0xd800) {
      // Half a surrogate pair has no UTF-8.
      putByte(0x5c)
      putHex(point)
      return
    }
    putByte(0xe0 | (point >>> 12))
    putByte(0x80 | ((point >>> 6) & 0x3f))
  } else {
    putByte(0xf0 | (point >>> 18))
    putByte(0x80 | ((point >>> 12) & 0x3f))
    putByte(0x80 | ((point >>> 6) & 0x3f))
  }
  putByte(0x80 | (point & 0x3f))
}

/** `u` and four digits, behind a backslash. */
function putHex(unit: u32): void {
  putByte(0x75)
  for (let shift: u32 = 12; ; shift -= 4) {
    const digit = (unit >>> shift) & 0xf
    putByte(digit < 10 ? 0x30 + digit : 0x57 + digit)
    if (shift == 0) return
  }
}
