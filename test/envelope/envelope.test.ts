import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Envelope,
  encodeBody,
  encodeFrame,
  envelopeBytesMax,
  envelopeSigningBytes,
  openFrame,
} from '../../shared/envelope/envelope.ts'
import { concatBytes } from '../../shared/kernel/bytes.ts'
import { encodeCanonical } from '../../shared/kernel/codec.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'

const envelope: Envelope = {
  version: 1,
  networkId: 'ab'.repeat(32) as Hash,
  id: '11111111-1111-4111-8111-111111111111',
  time: 1_793_000_000_000,
  sender: `12D3KooW${'a'.repeat(44)}` as PeerId,
  to: `12D3KooW${'b'.repeat(44)}`,
  type: 'task/waiting',
  correlationId: '22222222-2222-4222-a222-222222222222',
  payload: { missingWorkers: 2 },
}
const signature = new Uint8Array(64).fill(9)
const frameOf = (over: Partial<Envelope> = {}): Uint8Array =>
  encodeFrame(encodeBody({ ...envelope, ...over }), signature)
/** The frame of a body that is no envelope. */
const frameOfBody = (value: unknown): Uint8Array => encodeFrame(encodeCanonical(value), signature)
const fields = { ...envelope, networkId: new Uint8Array(32).fill(0xab) }

describe('SEC-01 envelope', () => {
  test('comes out of its frame as it went in, with the bytes that were signed', () => {
    const opened = openFrame(frameOf())
    expect(opened).toEqual({ envelope, body: encodeBody(envelope), signature })
  })

  test('has one encoding, whatever order its fields were set in', () => {
    const turned = Object.fromEntries(Object.entries(envelope).reverse()) as unknown as Envelope
    expect(encodeBody(turned)).toEqual(encodeBody(envelope))
  })

  test('is signed over a context of its own, then the body', () => {
    const body = encodeBody(envelope)
    expect(Buffer.from(envelopeSigningBytes(body)).toString('latin1')).toBe(
      `tabmesh/envelope/1${Buffer.from(body).toString('latin1')}`,
    )
  })

  test.each(Object.keys(envelope))('without %s it is refused', (field) => {
    const { [field as 'id']: _left, ...rest } = fields
    expect(openFrame(frameOfBody(rest))).toBeInstanceOf(Refusal)
  })

  test.each([
    ['another version', { version: 2 }],
    ['a network id of 31 bytes', { networkId: new Uint8Array(31) }],
    ['a network id as text', { networkId: 'ab'.repeat(32) }],
    ['an id that is no UUID v4', { id: '11111111-1111-1111-8111-111111111111' }],
    ['an id in capitals', { id: 'AAAAAAAA-1111-4111-8111-111111111111' }],
    ['an id with more behind it', { id: `${envelope.id}\n` }],
    ['a time before 1970', { time: -1 }],
    ['a time in parts of a millisecond', { time: 0.5 }],
    ['a time as text', { time: '2026-11-20T12:00:00.000Z' }],
    ['a sender that is no peer id', { sender: 'somebody' }],
    ['a recipient of 201 characters', { to: 'x'.repeat(201) }],
    ['a type of 65 characters', { type: 'x'.repeat(65) }],
    ['a correlation id that is none', { correlationId: '' }],
    ['a field nobody knows', { extra: 1 }],
    ['a field named __proto__', Object.defineProperty({}, '__proto__', { value: 1, enumerable: true })],
    ['a field named constructor', { constructor: 1 }],
  ])('with %s it is refused', (_name, over) => {
    expect(openFrame(frameOfBody({ ...fields, ...over }))).toBeInstanceOf(Refusal)
  })

  test.each([
    ['nothing', new Uint8Array(0)],
    ['a body alone', encodeCanonical(encodeBody(envelope))],
    ['a list of the body alone', encodeCanonical([encodeBody(envelope)])],
    ['a list of three', encodeCanonical([encodeBody(envelope), signature, signature])],
    ['a signature of 63 bytes', encodeFrame(encodeBody(envelope), signature.subarray(1))],
    ['a signature of 65 bytes', encodeFrame(encodeBody(envelope), new Uint8Array(65))],
    ['a body that is a text', encodeCanonical(['body', signature])],
    ['a body that is a map', encodeCanonical([fields, signature])],
    ['a map of both', encodeCanonical({ 0: encodeBody(envelope), 1: signature })],
    ['one byte behind it', concatBytes(frameOf(), Uint8Array.of(0))],
    ['a body with a byte behind it', encodeFrame(concatBytes(encodeBody(envelope), signature), signature)],
    ['an empty body', encodeFrame(new Uint8Array(0), signature)],
    ['a body that is a list', frameOfBody([1, 2])],
    ['a body that is null', frameOfBody(null)],
  ])('a frame of %s is refused', (_name, frame) => {
    expect(openFrame(frame)).toBeInstanceOf(Refusal)
  })

  test('random bytes, and frames with random changes, never throw', () => {
    const frame = frameOf()
    const mutated = fc
      .array(fc.tuple(fc.nat(frame.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const bytes = new Uint8Array(frame)
        for (const [at, byte] of changes) bytes[at] = byte
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (bytes) => {
        expect(() => openFrame(bytes)).not.toThrow()
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('SEC-01 what a frame may cost', () => {
  test('the largest envelope is taken, one byte more is refused before it is decoded', () => {
    const room = envelopeBytesMax - frameOf({ payload: '' }).length - 8
    const largest = frameOf({ payload: 'x'.repeat(room) })
    expect(largest.length).toBeGreaterThan(envelopeBytesMax - 16)
    expect(openFrame(largest)).not.toBeInstanceOf(Refusal)
    const over = new Uint8Array(envelopeBytesMax + 1)
    expect(openFrame(over)).toMatchObject({ code: 'TooLarge' })
  })

  const head = (kind: number, count: number): number[] => [kind, count >>> 24, count >> 16, count >> 8, count]
  const filled = (length: number, start: readonly number[], unit: readonly number[]): Uint8Array => {
    const bytes = new Uint8Array(length)
    for (let i = 0; i + unit.length <= length; i += unit.length) bytes.set(unit, i)
    bytes.set(start.slice(0, length))
    return bytes
  }
  const most = envelopeBytesMax - 100

  test.each([
    ['lists within lists', filled(most, [], [0x81])],
    ['maps within maps', filled(most, [], [0xa1, 0x61, 0x61])],
    ['tags within tags', filled(most, [], [0xc1])],
    ['indefinite lists within lists', filled(most, [], [0x9f])],
    ['four thousand million entries', filled(100, head(0x9a, 0xffffffff), [0])],
    ['four thousand million fields', filled(100, head(0xba, 0xffffffff), [0x61, 0x61, 0])],
    ['four gigabytes', filled(100, head(0x5a, 0xffffffff), [0])],
    ['four gigabytes of text', filled(100, head(0x7a, 0xffffffff), [0])],
    ['2^63 bytes', filled(100, [0x5b, 0x7f, 255, 255, 255, 255, 255, 255, 255], [0])],
    ['2^53 entries', filled(100, [0x9b, 0, 0x1f, 255, 255, 255, 255, 255, 255], [0])],
    ['as many empty maps as fit', filled(most, head(0x9a, most - 5), [0xa0])],
    ['as many empty lists as fit', filled(most, head(0x9a, most - 5), [0x80])],
  ])('a body of %s is refused within moments and without much memory', (_name, body) => {
    const before = process.memoryUsage().heapUsed
    const started = process.cpuUsage()
    expect(openFrame(encodeFrame(body, signature))).toBeInstanceOf(Refusal)
    expect(openFrame(body)).toBeInstanceOf(Refusal)
    // 20 to 40 ms are usual for the widest; a machine under load is given room.
    const { user, system } = process.cpuUsage(started)
    expect((user + system) / 1_000).toBeLessThan(1_000)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6)
  })
})
