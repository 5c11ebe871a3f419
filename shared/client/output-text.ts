import type { JsonValue } from './item-splitter.ts'

/** A program's output as a line of results has it. */
export interface OutputText {
  readonly output: JsonValue
  /** `output` in JSON, on one line. */
  readonly outputText: string
}

/**
 * One line of JSON stands as the program wrote it, but for a line break at its end; any other text is a JSON string;
 * bytes that are no UTF-8 are `{"base64":"…"}`. No byte is lost but that line break.
 */
export function outputTextOf(bytes: Uint8Array): OutputText {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    const output = { base64: toBase64(bytes) }
    return { output, outputText: JSON.stringify(output) }
  }
  const line = text.endsWith('\n') ? text.slice(0, -1) : text
  if (!/[\r\n]/.test(line)) {
    try {
      return { output: JSON.parse(line), outputText: line }
    } catch {
      // Then it is a text like any other.
    }
  }
  return { output: text, outputText: JSON.stringify(text) }
}

/** The bytes that a program may have written where a line of results says this. */
export function outputBytesOf({ output, outputText }: OutputText): readonly Uint8Array[] {
  const utf8 = new TextEncoder()
  const written = [utf8.encode(outputText), utf8.encode(`${outputText}\n`)]
  if (typeof output === 'string') return [...written, utf8.encode(output)]
  const bytes = fromBase64(output)
  return bytes === undefined ? written : [...written, bytes]
}

/** Characters handed to one call; more would not fit the stack. */
const charactersAtOnce = 32_768

export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = []
  for (let at = 0; at < bytes.length; at += charactersAtOnce) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + charactersAtOnce)))
  }
  return btoa(parts.join(''))
}

/** The bytes of `{"base64":"…"}`; `undefined` for anything else. */
export function fromBase64(output: JsonValue): Uint8Array | undefined {
  const text = (output as { readonly base64?: JsonValue } | null)?.base64
  if (typeof text !== 'string') return undefined
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
