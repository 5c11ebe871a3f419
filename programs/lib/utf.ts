/** Bytes of the well-formed UTF-8 sequence that starts at `at` with a byte over 0x7f; 0 if there is none. */
export function utf8Length(at: usize, end: usize): usize {
  const lead: u32 = load<u8>(at)
  if (lead < 0xc2 || lead > 0xf4) return 0
  const length: usize = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  if (at + length > end) return 0
  const second: u32 = load<u8>(at, 1)
  // The first continuation byte keeps out overlong forms, surrogates and what lies over U+10FFFF.
  const least: u32 = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80
  const most: u32 = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf
  if (second < least || second > most) return 0
  for (let i: usize = 2; i < length; i++) if ((load<u8>(at + i) & 0xc0) != 0x80) return 0
  return length
}

/** UTF-16 of the inside of a JSON string that was checked before. */
export function decodeString(start: usize, end: usize): string {
  const room = __new((end - start) << 1, idof<string>())
  let to = room
  let at = start
  while (at < end) {
    const byte: u32 = load<u8>(at)
    if (byte == 0x5c) {
      const letter: u32 = load<u8>(at, 1)
      at += 2
      if (letter == 0x75) {
        store<u16>(to, hex4(at))
        at += 4
      } else {
        store<u16>(to, unescaped(letter))
      }
      to += 2
    } else if (byte < 0x80) {
      store<u16>(to, byte)
      at++
      to += 2
    } else if (byte < 0xe0) {
      store<u16>(to, ((byte & 0x1f) << 6) | (load<u8>(at, 1) & 0x3f))
      at += 2
      to += 2
    } else if (byte < 0xf0) {
      store<u16>(to, ((byte & 0x0f) << 12) | ((load<u8>(at, 1) & 0x3f) << 6) | (load<u8>(at, 2) & 0x3f))
      at += 3
      to += 2
    } else {
      const point =
        ((byte & 0x07) << 18) |
        ((load<u8>(at, 1) & 0x3f) << 12) |
        ((load<u8>(at, 2) & 0x3f) << 6) |
        (load<u8>(at, 3) & 0x3f)
      to = putPoint(to, point)
      at += 4
    }
  }
  return changetype<string>(__renew(room, to - room))
}

/** Writes a code point as UTF-16 and returns where the next one goes. */
export function putPoint(to: usize, point: u32): usize {
  if (point < 0x10000) {
    store<u16>(to, point)
    return to + 2
  }
  store<u16>(to, 0xd7c0 + (point >>> 10))
  store<u16>(to, 0xdc00 | (point & 0x3ff), 2)
  return to + 4
}

/** The code point whose UTF-16 starts at `at`; a surrogate without its other half stands for itself. */
export function pointAt(at: usize, end: usize): u32 {
  const unit: u32 = load<u16>(at)
  if ((unit & 0xfc00) != 0xd800 || at + 4 > end) return unit
  const low: u32 = load<u16>(at, 2)
  return (low & 0xfc00) == 0xdc00 ? ((unit - 0xd7c0) << 10) | (low & 0x3ff) : unit
}

/** Bytes of a code point's UTF-16. */
export function pointBytes(point: u32): usize {
  return point < 0x10000 ? 2 : 4
}

/** First byte of a string's UTF-16. */
export function startOf(text: string): usize {
  return changetype<usize>(text)
}

/** Behind the last byte of a string's UTF-16. */
export function endOf(text: string): usize {
  return changetype<usize>(text) + ((<usize>text.length) << 1)
}

/** A string of the UTF-16 between two addresses. */
export function stringOf(start: usize, end: usize): string {
  const made = __new(end - start, idof<string>())
  memory.copy(made, start, end - start)
  return changetype<string>(made)
}

function hex4(at: usize): u32 {
  let value: u32 = 0
  for (let i: usize = 0; i < 4; i++) {
    const digit: u32 = load<u8>(at + i)
    value = (value << 4) | (digit < 0x40 ? digit - 0x30 : (digit | 0x20) - 0x57)
  }
  return value
}

function unescaped(letter: u32): u32 {
  switch (letter) {
    case 0x62:
      return 0x08
    case 0x66:
      return 0x0c
    case 0x6e:
      return 0x0a
    case 0x72:
      return 0x0d
    case 0x74:
      return 0x09
    default:
      return letter
  }
}
