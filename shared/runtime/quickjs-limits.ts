/**
 * The engine as published throws its "stack overflow" and "out of memory" as ordinary errors that a guest can
 * catch and hide. A limit that was hit has to decide the outcome all the same, and it has to be seen exactly, so the
 * module gets two exported counters and an increment in front of each place that raises one of the two. Nothing else
 * in it changes: no function is added, no index moves.
 */

/** Names under which the counters (mutable i32 globals) are exported. */
export const stackHits = 'stackHits'
export const memoryHits = 'memoryHits'

/** What the engine says, and in how many places; another build of it has other numbers and is refused. */
const raised: readonly { readonly text: string; readonly counter: 0 | 1; readonly sites: number }[] = [
  { text: 'stack overflow\0', counter: 0, sites: 5 },
  { text: 'out of memory\0', counter: 1, sites: 2 },
  { text: 'out of memory in regexp execution\0', counter: 1, sites: 2 },
]

interface Section {
  readonly id: number
  readonly body: Uint8Array
}

/** `wasm` with the two counters added; throws when it is not the build of QuickJS that this was written for. */
export function countLimitHits(wasm: Uint8Array): Uint8Array {
  const sections = readSections(wasm)
  const bodyOf = (id: number): Uint8Array => {
    const section = sections.find((candidate) => candidate.id === id)
    if (section === undefined)
      throw new Error(`The QuickJS engine has no section ${id}: not the build expected`)
    return section.body
  }
  const globals = new Reader(bodyOf(6)).u32()
  const places = raised.map(({ text, counter, sites }) => ({
    marker: callMarker(addressOf(bodyOf(11), text)),
    increment: incrementOf(globals + counter),
    sites,
  }))
  const rebuilt = sections.map(({ id, body }): Section => {
    if (id === 6) return { id, body: appendTo(body, [zeroGlobal, zeroGlobal]) }
    if (id === 7)
      return { id, body: appendTo(body, [exportOf(stackHits, globals), exportOf(memoryHits, globals + 1)]) }
    if (id === 10) return { id, body: instrument(body, places) }
    return { id, body }
  })
  return join([
    wasm.subarray(0, 8),
    ...rebuilt.flatMap(({ id, body }) => [Uint8Array.of(id), u32(body.length), body]),
  ])
}

interface Place {
  readonly marker: Uint8Array
  readonly increment: Uint8Array
  readonly sites: number
}

/** `i32.const address; i32.const 0; call`: how every one of these messages is raised. */
function callMarker(address: number): Uint8Array {
  return join([Uint8Array.of(0x41), s32(address), Uint8Array.of(0x41, 0x00, 0x10)])
}

/** `global.get g; i32.const 1; i32.add; global.set g`: leaves the operand stack as it was. */
function incrementOf(global: number): Uint8Array {
  return join([Uint8Array.of(0x23), u32(global), Uint8Array.of(0x41, 0x01, 0x6a, 0x24), u32(global)])
}

/** A mutable i32 that starts at 0. */
const zeroGlobal = Uint8Array.of(0x7f, 0x01, 0x41, 0x00, 0x0b)

function exportOf(name: string, global: number): Uint8Array {
  const text = new TextEncoder().encode(name)
  return join([u32(text.length), text, Uint8Array.of(0x03), u32(global)])
}

function instrument(code: Uint8Array, places: readonly Place[]): Uint8Array {
  const reader = new Reader(code)
  const count = reader.u32()
  const found = places.map(() => 0)
  const parts: Uint8Array[] = [u32(count)]
  for (let i = 0; i < count; i++) {
    const body = instrumentBody(reader.take(reader.u32()), places, found)
    parts.push(u32(body.length), body)
  }
  for (const [i, place] of places.entries()) {
    if (found[i] !== place.sites) {
      throw new Error(
        `The QuickJS engine raises "${raised[i]?.text}" in ${found[i]} places, expected ${place.sites}`,
      )
    }
  }
  return join(parts)
}

function instrumentBody(body: Uint8Array, places: readonly Place[], found: number[]): Uint8Array {
  const parts: Uint8Array[] = []
  let from = 0
  for (let at = body.indexOf(0x41); at >= 0; at = body.indexOf(0x41, at + 1)) {
    const index = places.findIndex(({ marker }) => startsWith(body, at, marker))
    if (index < 0) continue
    found[index]! += 1
    parts.push(body.subarray(from, at), places[index]!.increment)
    from = at
  }
  return parts.length === 0 ? body : join([...parts, body.subarray(from)])
}

/** Where `text` lies in the engine's linear memory. */
function addressOf(data: Uint8Array, text: string): number {
  const wanted = new TextEncoder().encode(text)
  const reader = new Reader(data)
  for (let left = reader.u32(); left > 0; left--) {
    if (reader.u32() !== 0) throw new Error('The QuickJS engine has data segments of a kind not expected')
    reader.expect(0x41)
    const offset = reader.s32()
    reader.expect(0x0b)
    const segment = reader.take(reader.u32())
    for (let at = segment.indexOf(wanted[0]!); at >= 0; at = segment.indexOf(wanted[0]!, at + 1)) {
      if (startsWith(segment, at, wanted)) return offset + at
    }
  }
  throw new Error(`The QuickJS engine does not contain "${text}": not the build expected`)
}

function readSections(wasm: Uint8Array): Section[] {
  if (wasm.length < 8 || wasm[0] !== 0x00 || wasm[1] !== 0x61 || wasm[2] !== 0x73 || wasm[3] !== 0x6d) {
    throw new Error('The QuickJS engine is not a WebAssembly module')
  }
  const reader = new Reader(wasm.subarray(8))
  const sections: Section[] = []
  while (!reader.done) {
    const [id] = reader.take(1)
    sections.push({ id: id!, body: reader.take(reader.u32()) })
  }
  return sections
}

/** A vector's body with more entries at its end. */
function appendTo(vector: Uint8Array, entries: readonly Uint8Array[]): Uint8Array {
  const reader = new Reader(vector)
  const count = reader.u32()
  return join([u32(count + entries.length), reader.rest(), ...entries])
}

function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  if (at + wanted.length > bytes.length) return false
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false
  return true
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function u32(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Uint8Array.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}

function s32(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f
    const sign = low & 0x40
    if ((rest >> 7 === 0 && sign === 0) || (rest >> 7 === -1 && sign !== 0))
      return Uint8Array.from([...bytes, low])
    bytes.push(low | 0x80)
  }
}

class Reader {
  #at = 0
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new Error('The QuickJS engine ends too early')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at)
  }

  expect(byte: number): void {
    if (this.take(1)[0] !== byte) throw new Error(`The QuickJS engine lacks byte ${byte} at ${this.#at}`)
  }

  u32(): number {
    return this.#leb(false)
  }

  s32(): number {
    return this.#leb(true)
  }

  #leb(signed: boolean): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.take(1)[0]!
      value |= (byte & 0x7f) << shift
      if ((byte & 0x80) !== 0) continue
      const negative = signed && shift < 25 && (byte & 0x40) !== 0
      return negative ? value | (-1 << (shift + 7)) : signed ? value : value >>> 0
    }
    throw new Error('The QuickJS engine holds a number that is too long')
  }
}
