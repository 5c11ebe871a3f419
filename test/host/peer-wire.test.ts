import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { WireRecord } from '../../shared/host/peer-wire.ts'
import {
  encodeHandled,
  encodeHello,
  encodeSignal,
  frameBytesMax,
  frameHeader,
  RecordReader,
} from '../../shared/host/peer-wire.ts'
import { concatBytes } from '../../shared/kernel/bytes.ts'

const hello = { own: 'ab'.repeat(16), peer: '01'.repeat(16), attempt: 300, received: 2 ** 40 }

function encodeFrame(frame: Uint8Array): Uint8Array {
  return concatBytes(frameHeader(frame.length), frame)
}

function encode(record: WireRecord): Uint8Array {
  switch (record.kind) {
    case 'frame':
      return encodeFrame(record.frame)
    case 'hello':
      return encodeHello(record.hello)
    case 'handled':
      return encodeHandled(record.count)
    default:
      return encodeSignal(record.kind)
  }
}

/** Everything a reader makes of these chunks. */
function readAll(chunks: readonly Uint8Array[]): { records: WireRecord[]; fault: string | undefined } {
  const reader = new RecordReader()
  const records: WireRecord[] = []
  let fault: string | undefined
  for (const chunk of chunks) {
    const read = reader.push(chunk)
    records.push(...read.records)
    fault = read.fault
  }
  return { records, fault }
}

function inChunks(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  )
}

const anyRecord: fc.Arbitrary<WireRecord> = fc.oneof(
  fc.uint8Array({ maxLength: 400 }).map((frame): WireRecord => ({ kind: 'frame', frame })),
  fc.nat().map((count): WireRecord => ({ kind: 'handled', count })),
  fc.constantFrom<WireRecord>({ kind: 'ping' }, { kind: 'pong' }, { kind: 'bye' }, { kind: 'hello', hello }),
)

describe('records of a peer stream', () => {
  test('come out as they went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(anyRecord), fc.integer({ min: 1, max: 700 }), (records, chunk) => {
        const bytes = concatBytes(...records.map(encode))
        expect(readAll(inChunks(bytes, chunk))).toEqual({ records, fault: undefined })
      }),
    )
  })

  test('carry a frame of the largest size in small chunks', () => {
    const frame = new Uint8Array(frameBytesMax).map((_, at) => at % 251)
    const { records, fault } = readAll(inChunks(encodeFrame(frame), 16_000))
    expect(fault).toBeUndefined()
    expect(records).toHaveLength(1)
    expect(records[0]?.kind === 'frame' && Buffer.compare(records[0].frame, frame)).toBe(0)
  })

  test('hold no reference to the chunk they came in', () => {
    const chunk = encodeFrame(Uint8Array.of(1, 2, 3))
    const [record] = readAll([chunk]).records
    chunk.fill(0)
    expect(record).toEqual({ kind: 'frame', frame: Uint8Array.of(1, 2, 3) })
  })

  test('refuse a frame one byte over the limit as soon as its length is read', () => {
    expect(readAll([frameHeader(frameBytesMax + 1)]).fault).toBe('oversize')
  })

  test('refuse a length that does not end', () => {
    expect(readAll([Uint8Array.of(0xff, 0xff, 0xff, 0xff)]).fault).toBe('oversize')
  })

  test('a claimed length alone is not believed: memory grows with what arrives', () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 200 }, () => {
      const reader = new RecordReader()
      reader.push(concatBytes(frameHeader(frameBytesMax), Uint8Array.of(1)))
      return reader
    })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(readers.length * 100_000)
  })

  const bad: [string, Uint8Array][] = [
    ['an empty record', Uint8Array.of(0)],
    ['an unknown kind', Uint8Array.of(1, 6)],
    ['a ping with a body', Uint8Array.of(2, 3, 0)],
    ['a bye with a body', Uint8Array.of(2, 5, 0)],
    ['handled without a count', Uint8Array.of(1, 2)],
    ['handled with a cut count', Uint8Array.of(2, 2, 0x80)],
    ['handled with more than a count', Uint8Array.of(3, 2, 1, 1)],
    ['handled over 2^53', Uint8Array.of(10, 2, 255, 255, 255, 255, 255, 255, 255, 255, 1)],
    ['an empty hello', Uint8Array.of(1, 1)],
    ['a hello of another version', encodeHello(hello).with(2, 9)],
    [
      'a hello cut off',
      (() => {
        const bytes = encodeHello(hello)
        return bytes.subarray(0, bytes.length - 1).with(0, (bytes[0] ?? 0) - 1)
      })(),
    ],
    [
      'a hello with a byte too many',
      (() => {
        const bytes = encodeHello(hello)
        return concatBytes(bytes, Uint8Array.of(0)).with(0, (bytes[0] ?? 0) + 1)
      })(),
    ],
    ['anything but a frame that is long', concatBytes(Uint8Array.of(0x80, 0x08, 1), new Uint8Array(10))],
  ]
  test.each(bad)('refuse %s', (_, bytes) => {
    expect(readAll([bytes])).toEqual({ records: [], fault: 'malformed' })
  })

  test('nothing is read after a fault', () => {
    const reader = new RecordReader()
    reader.push(Uint8Array.of(0))
    expect(reader.push(encodeSignal('ping'))).toEqual({ records: [], fault: 'malformed' })
  })

  test('what came before a fault still counts', () => {
    const { records, fault } = readAll([concatBytes(encodeSignal('ping'), Uint8Array.of(0))])
    expect([records, fault]).toEqual([[{ kind: 'ping' }], 'malformed'])
  })

  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (chunks) => {
        readAll(chunks)
      }),
      { numRuns: 2_000 },
    )
  })
})
