import type { JsonValue } from '../../shared/client/item-splitter.ts'

/** How many bytes an output has that is no text, and stands in the results as `{"base64": …}`; `undefined` for any other. */
export function binarySizeOf(output: JsonValue): number | undefined {
  const text = base64Of(output)
  return text === undefined
    ? undefined
    : (text.length / 4) * 3 - (/={0,2}$/.exec(text.slice(-2))?.[0].length ?? 0)
}

/** The bytes of such an output. */
export function binaryOf(output: JsonValue): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64Of(output) ?? ''), (character) => character.charCodeAt(0))
}

/** How such a text begins and ends. A view asks at every rendering: all of a long one is not looked through. */
const base64 = /^[A-Za-z0-9+/]*={0,2}$/
const lookedAt = 64

function base64Of(output: JsonValue): string | undefined {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return undefined
  const [[name, value] = [], ...others] = Object.entries(output)
  if (name !== 'base64' || others.length > 0 || typeof value !== 'string') return undefined
  const ends = value.slice(0, lookedAt - 4) + value.slice(-4)
  return value.length % 4 === 0 && base64.test(value.length > lookedAt ? ends : value) ? value : undefined
}
