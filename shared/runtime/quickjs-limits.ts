import { joinBytes } from '../kernel/bytes.ts'
import { boundCallDepth } from './call-depth.ts'
import { withFirstPages } from './quickjs-memory.ts'
import { sectionIds } from './wasm/content.ts'
import { Reader } from './wasm/reader.ts'
import type { Section } from './wasm/section-list.ts'
import { appendTo, readSections, sectionOf, writeModule } from './wasm/section-list.ts'
import { signedBytes, unsignedBytes } from './wasm/writer.ts'

/**
 * The engine as published throws its "stack overflow" and "out of memory" as ordinary errors that a guest can
 * catch and hide. A limit that was hit has to decide the outcome all the same, and it has to be seen exactly, so the
 * module gets two exported counters and an increment in front of each place that raises one of the two. A third global
 * bounds the depth of calls, see call-depth.ts. No function is added and no index moves.
 *
 * Its own mutable globals are exported, too: with the linear memory they are all of its state, since there are neither
 * instructions that change tables nor segments that can be dropped.
 */

/** Names under which the globals (mutable i32) are exported. */
export const stackHits = 'stackHits'
export const memoryHits = 'memoryHits'
/** Bytes of the call budget that are left; below zero when the engine trapped for want of them. */
export const stackLeft = 'stackLeft'

/**
 * Bytes of host stack that the engine may use, by the estimate of call-depth.ts. The smallest stack among the hosts is
 * that of a worker in Chromium, 500 KiB; a test holds the estimate against what V8 really takes.
 */
const callBudgetBytes = 320 * 1024

/** What the engine says, and in how many places; another build of it has other numbers and is refused. */
const raised: readonly { readonly text: string; readonly counter: 0 | 1; readonly sites: number }[] = [
  { text: 'stack overflow\0', counter: 0, sites: 5 },
  { text: 'out of memory\0', counter: 1, sites: 2 },
  { text: 'out of memory in regexp execution\0', counter: 1, sites: 2 },
]

/** The engine with its limits made visible; throws when it is not the build of QuickJS that this was written for. */
export function limitEngine(wasm: Uint8Array): Uint8Array {
  const sections = readSections(wasm)
  const first = new Reader(sectionOf(sections, 'global')).u32()
  const segments = activeSegments(sectionOf(sections, 'data'))
  const places = raised.map(({ text, counter, sites }) => ({
    marker: callMarker(addressOf(segments, text)),
    increment: incrementOf(first + counter),
    sites,
  }))
  const counted = replace(sections, 'code', countRaised(sectionOf(sections, 'code'), places))
  const bounded = replace(counted, 'code', boundCallDepth(counted, first + 2))
  const globals = appendTo(sectionOf(sections, 'global'), [
    globalOf(0),
    globalOf(0),
    globalOf(callBudgetBytes),
  ])
  const smaller = replace(bounded, 'import', withFirstPages(sectionOf(sections, 'import')))
  const own = mutableGlobals(sectionOf(sections, 'global')).map((index) => exportOf(`state${index}`, index))
  const names = [...own, ...[stackHits, memoryHits, stackLeft].map((name, i) => exportOf(name, first + i))]
  const exported = replace(smaller, 'export', appendTo(sectionOf(sections, 'export'), names))
  return writeModule(replace(exported, 'global', globals))
}

function replace(sections: readonly Section[], name: keyof typeof sectionIds, body: Uint8Array): Section[] {
  return sections.map((section) => (section.id === sectionIds[name] ? { id: section.id, body } : section))
}

interface Segment {
  /** Where it lies in the linear memory. */
  readonly address: number
  readonly bytes: Uint8Array
}

/**
 * What the engine's memory begins with. All segments have to be active: those are used up when the module is
 * instantiated, so that nothing can change what they hold.
 */
function activeSegments(section: Uint8Array): Segment[] {
  const reader = new Reader(section)
  return Array.from({ length: reader.u32() }, () => {
    reader.expect(0x00)
    reader.expect(0x41)
    const address = reader.s32()
    reader.expect(0x0b)
    return { address, bytes: reader.vector() }
  })
}

/** All are numbers of 32 bits. */
function mutableGlobals(section: Uint8Array): number[] {
  const reader = new Reader(section)
  const found: number[] = []
  for (let index = 0, count = reader.u32(); index < count; index++) {
    reader.expect(0x7f)
    if (reader.byte() === 1) found.push(index)
    reader.expect(0x41)
    reader.s32()
    reader.expect(0x0b)
  }
  return found
}

interface Place {
  readonly marker: Uint8Array
  readonly increment: Uint8Array
  readonly sites: number
}

/** `i32.const address; i32.const 0; call`: how every one of these messages is raised. */
function callMarker(address: number): Uint8Array {
  return joinBytes([Uint8Array.of(0x41), signedBytes(address), Uint8Array.of(0x41, 0x00, 0x10)])
}

/** `global.get g; i32.const 1; i32.add; global.set g`: leaves the operand stack as it was. */
function incrementOf(global: number): Uint8Array {
  return joinBytes([
    Uint8Array.of(0x23),
    unsignedBytes(global),
    Uint8Array.of(0x41, 0x01, 0x6a, 0x24),
    unsignedBytes(global),
  ])
}

function globalOf(value: number): Uint8Array {
  return joinBytes([Uint8Array.of(0x7f, 0x01, 0x41), signedBytes(value), Uint8Array.of(0x0b)])
}

function exportOf(name: string, global: number): Uint8Array {
  const text = new TextEncoder().encode(name)
  return joinBytes([unsignedBytes(text.length), text, Uint8Array.of(0x03), unsignedBytes(global)])
}

function countRaised(code: Uint8Array, places: readonly Place[]): Uint8Array {
  const reader = new Reader(code)
  const count = reader.u32()
  const found = places.map(() => 0)
  const parts: Uint8Array[] = [unsignedBytes(count)]
  for (let i = 0; i < count; i++) {
    const body = countInBody(reader.vector(), places, found)
    parts.push(unsignedBytes(body.length), body)
  }
  for (const [i, place] of places.entries()) {
    if (found[i] !== place.sites) {
      throw new Error(`The engine raises "${raised[i]?.text}" in ${found[i]} places, not ${place.sites}`)
    }
  }
  return joinBytes(parts)
}

function countInBody(body: Uint8Array, places: readonly Place[], found: number[]): Uint8Array {
  const parts: Uint8Array[] = []
  let from = 0
  for (let at = body.indexOf(0x41); at >= 0; at = body.indexOf(0x41, at + 1)) {
    const index = places.findIndex(({ marker }) => startsWith(body, at, marker))
    if (index < 0) continue
    found[index]! += 1
    parts.push(body.subarray(from, at), places[index]!.increment)
    from = at
  }
  return parts.length === 0 ? body : joinBytes([...parts, body.subarray(from)])
}

/** Where `text` lies in the engine's linear memory. */
function addressOf(segments: readonly Segment[], text: string): number {
  const wanted = new TextEncoder().encode(text)
  for (const { address, bytes } of segments) {
    for (let at = bytes.indexOf(wanted[0]!); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1)) {
      if (startsWith(bytes, at, wanted)) return address + at
    }
  }
  throw new Error(`The engine does not contain "${text}"`)
}

function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  if (at + wanted.length > bytes.length) return false
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false
  return true
}
