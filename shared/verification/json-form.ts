/**
 * The value of a JSON text as a flat list, so that two of them are compared in one walk, without recursion, and the same
 * way on every machine. White space and the order of fields are gone; a number is its decimal value, not its spelling.
 */
export type JsonForm = readonly (string | JsonNumber)[]

export interface JsonNumber {
  /** Sign, digits and exponent, one way to write one decimal value: `1`, `1.0` and `10e-1` are the same. */
  readonly decimal: string
  /** The double nearest to it (IEEE 754); infinite where there is none. */
  readonly double: number
}

type Node = string | JsonNumber | Node[] | JsonObject

interface JsonObject {
  readonly fields: Map<string, Node>
  /** The name whose value comes next. */
  name: string | undefined
}

/** Strings, numbers, names of constants, and the brackets; what stands between them says nothing that they do not. */
const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[[\]{}]/g
/** Digits of an exponent: beyond, a text is no number that anyone computed. */
const exponentDigitsMax = 9

/**
 * `undefined` for what is no JSON text in UTF-8, and for JSON that programs read differently: an object with a field
 * given twice. Takes time and memory in proportion to the bytes; the caller bounds those.
 */
export function jsonForm(bytes: Uint8Array): JsonForm | undefined {
  const text = utf8Text(bytes)
  if (text === undefined || !isJson(text)) return undefined
  const root = readTree(text)
  return root === undefined ? undefined : flatten(root)
}

/** The grammar is checked by the engine's own parser; the walk below may then take it for granted. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function readTree(text: string): Node | undefined {
  const top: Node[] = []
  const open: (Node[] | JsonObject)[] = [top]
  for (const [token] of text.matchAll(tokens)) {
    const holder = open.at(-1)!
    if (token === ']' || token === '}') {
      open.pop()
      continue
    }
    if (token.startsWith('"') && !Array.isArray(holder) && holder.name === undefined) {
      holder.name = JSON.parse(token) as string
      if (holder.fields.has(holder.name)) return undefined
      continue
    }
    const node = nodeOf(token)
    if (node === undefined) return undefined
    if (Array.isArray(holder)) holder.push(node)
    else {
      holder.fields.set(holder.name!, node)
      holder.name = undefined
    }
    if (typeof node !== 'string' && !('decimal' in node)) open.push(node)
  }
  return top[0]
}

function nodeOf(token: string): Node | undefined {
  switch (token[0]) {
    case '[':
      return []
    case '{':
      return { fields: new Map(), name: undefined }
    case '"':
      return `"${JSON.parse(token) as string}`
    case 't':
    case 'f':
    case 'n':
      return token
    default:
      return numberOf(token)
  }
}

function numberOf(token: string): JsonNumber | undefined {
  const [mantissa = '', exponentText = '0'] = token.split(/[eE]/)
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const exponentDigits = exponentText.replace(/^[+-]?0*/, '')
  if (exponentDigits.length > exponentDigitsMax) return undefined
  const digits = whole + fraction
  let start = 0
  let end = digits.length
  while (start < end && digits[start] === '0') start++
  while (end > start && digits[end - 1] === '0') end--
  // Zero has no sign: -0 is the same number.
  if (start === end) return { decimal: '0', double: 0 }
  const exponent = Number(exponentText) - fraction.length + (digits.length - end)
  const sign = token.startsWith('-') ? '-' : ''
  return { decimal: `${sign}${digits.slice(start, end)}e${exponent}`, double: Number(token) }
}

/** Fields stand in the order of their names' UTF-16 units, each before its value. */
function flatten(root: Node): JsonForm {
  const form: (string | JsonNumber)[] = []
  const ahead: Node[] = [root]
  while (ahead.length > 0) {
    const node = ahead.pop()!
    if (typeof node === 'string' || 'decimal' in node) {
      form.push(node)
    } else if (Array.isArray(node)) {
      form.push('[')
      ahead.push(']')
      for (let at = node.length - 1; at >= 0; at--) ahead.push(node[at]!)
    } else {
      form.push('{')
      ahead.push('}')
      const names = [...node.fields.keys()].sort().reverse()
      for (const name of names) ahead.push(node.fields.get(name)!, `"${name}`)
    }
  }
  return form
}

/** Strict: `undefined` for what no UTF-8 encoder writes. The core has no TextDecoder, and the language this. */
function utf8Text(bytes: Uint8Array): string | undefined {
  let escaped = ''
  for (const byte of bytes) {
    escaped += byte < 0x80 && byte !== percent ? String.fromCharCode(byte) : `%${hexOf(byte)}`
  }
  try {
    return decodeURIComponent(escaped)
  } catch {
    return undefined
  }
}

const percent = 0x25
const hexOf = (byte: number): string => byte.toString(16).padStart(2, '0')
