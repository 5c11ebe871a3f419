const digits = '0123456789abcdef'
const codeOfDigit = Array.from(digits, (digit) => digit.charCodeAt(0))
/** By character code; 255 for what is no digit. */
const valueOfCode = new Uint8Array(128).fill(255)
for (const [value, code] of codeOfDigit.entries()) valueOfCode[code] = value
/** Bytes whose digits are made into text at one go. */
const partBytes = 2_048

/** Lowercase hex of the bytes. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (let start = 0; start < bytes.length; start += partBytes) {
    const end = Math.min(start + partBytes, bytes.length)
    const codes = new Array<number>(2 * (end - start))
    for (let i = start, at = 0; i < end; i++) {
      const byte = bytes[i]!
      codes[at++] = codeOfDigit[byte >> 4]!
      codes[at++] = codeOfDigit[byte & 15]!
    }
    text += String.fromCharCode.apply(null, codes)
  }
  return text
}

/** The bytes of an even-length lowercase hex text; throws RangeError on anything else. */
export function fromHex(hex: string): Uint8Array {
  if (hex.length % 2 !== 0) throw new RangeError('hex text of odd length')
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    const high = valueOfCode[hex.charCodeAt(2 * i)] ?? 255
    const low = valueOfCode[hex.charCodeAt(2 * i + 1)] ?? 255
    if ((high | low) > 15) throw new RangeError(`not a lowercase hex digit near position ${2 * i}`)
    bytes[i] = high * 16 + low
  }
  return bytes
}

export const concatBytes = (...parts: readonly Uint8Array[]): Uint8Array => joinBytes(parts)

/** As `concatBytes`, for lists of any length. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}

/** UTF-8 of ASCII text (signing contexts and the like); throws RangeError on any other character. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127) throw new RangeError(`not ASCII at position ${i}`)
    bytes[i] = code
  }
  return bytes
}
