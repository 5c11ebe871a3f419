import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { SessionStream } from '../../shared/host/peer-session.ts'
import { heldBytesMax, PeerSession, tickMs, windowBytes } from '../../shared/host/peer-session.ts'
import { encodeHandled, frameBytesMax, frameHeader, RecordReader } from '../../shared/host/peer-wire.ts'
import { concatBytes } from '../../shared/kernel/bytes.ts'

/** One end: a session, what it delivered, and what it said of itself. */
class End {
  readonly delivered: Uint8Array[] = []
  readonly faults: string[] = []
  readonly ends: string[] = []
  /** Frames wait here while it is set. */
  gate: Promise<void> | undefined
  readonly session = new PeerSession({
    deliver: async (frame) => {
      await this.gate
      this.delivered.push(frame)
    },
    fault: (reason) => this.faults.push(reason),
    end: (reason) => this.ends.push(reason),
  })
}

/** Bytes from one end to the other; they wait until pumped, and may be cut at any byte. */
class Pipe implements SessionStream {
  readonly #reader = new RecordReader()
  readonly #to: PeerSession
  #waiting: Uint8Array[] = []
  writable: boolean
  written = 0
  dead = false

  constructor(to: PeerSession, writable = true) {
    this.#to = to
    this.writable = writable
  }

  write(bytes: Uint8Array): boolean {
    this.#waiting.push(bytes.slice())
    this.written += bytes.length
    return this.writable
  }

  /** Hands over what waits, up to so many bytes; the rest is lost when the stream is given up. */
  pump(bytesMax = Number.POSITIVE_INFINITY): number {
    const all = concatBytes(...this.#waiting)
    this.#waiting = [all.subarray(Math.min(bytesMax, all.length))]
    if (this.dead) return 0
    const { records } = this.#reader.push(all.subarray(0, bytesMax))
    for (const record of records) {
      if (record.kind !== 'hello' && record.kind !== 'bye') this.#to.take(record)
    }
    return Math.min(bytesMax, all.length)
  }
}

/** A stream each way. `a` opens: it asks, and until it has the answer it goes on with the old stream. */
class Streams {
  readonly #a: End
  readonly #b: End
  #writable = true
  ab: Pipe
  ba: Pipe
  #answer: { readonly ba: Pipe; readonly stated: number; readonly answered: number } | undefined

  constructor(a: End, b: End) {
    this.#a = a
    this.#b = b
    this.ab = new Pipe(b.session)
    this.ba = new Pipe(a.session)
    this.ask(true)
    this.answer()
  }

  /** The hello and the other end's answer to it: from here on `b` is on the new stream. */
  ask(writable: boolean): void {
    if (this.#answer !== undefined) return
    this.#writable = writable
    const ba = new Pipe(this.#a.session, writable)
    const [stated, answered] = [this.#a.session.received, this.#b.session.received]
    this.#answer = { ba, stated, answered }
    // What `a` still writes to the old stream goes nowhere.
    this.ab.dead = true
    this.#b.session.carryOn(ba, stated, answered)
  }

  /** The answer reaches `a`. */
  answer(): void {
    if (this.#answer === undefined) return
    const { ba, stated, answered } = this.#answer
    this.#answer = undefined
    this.ba = ba
    this.ab = new Pipe(this.#b.session, this.#writable)
    this.#a.session.carryOn(this.ab, answered, stated)
  }
}

/** Two ends and the streams between them. */
function connect(a: End, b: End): [Pipe, Pipe] {
  const { ab, ba } = new Streams(a, b)
  return [ab, ba]
}

type Step =
  | { readonly do: 'send'; readonly end: 'a' | 'b'; readonly count: number; readonly size: number }
  | { readonly do: 'pump'; readonly end: 'a' | 'b'; readonly bytes: number }
  | { readonly do: 'drain'; readonly end: 'a' | 'b' }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'ask'; readonly writable: boolean }
  | { readonly do: 'answer' }

const end = fc.constantFrom<'a' | 'b'>('a', 'b')
const size = fc.integer({ min: 4, max: 20_000 })
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('send' as const), end, count: fc.integer({ min: 0, max: 15 }), size }),
  fc.record({ do: fc.constant('pump' as const), end, bytes: fc.integer({ min: 0, max: 150_000 }) }),
  fc.record({ do: fc.constant('drain' as const), end }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 150 }) }),
  fc.record({ do: fc.constant('ask' as const), writable: fc.boolean() }),
  fc.constant({ do: 'answer' as const }),
)

async function settle(pipes: readonly Pipe[]): Promise<void> {
  for (let quiet = 0; quiet < 3; ) {
    await vi.advanceTimersByTimeAsync(200)
    quiet = pipes.map((pipe) => pipe.pump()).every((bytes) => bytes === 0) ? quiet + 1 : 0
  }
}

const numbered = (number: number, size = 4) => {
  const frame = new Uint8Array(Math.max(4, size))
  new DataView(frame.buffer).setUint32(0, number)
  return frame
}
const numbersOf = (frames: readonly Uint8Array[]) =>
  frames.map((frame) => new DataView(frame.buffer, frame.byteOffset).getUint32(0))
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a session', () => {
  test('delivers in order both ways', async () => {
    const [a, b] = [new End(), new End()]
    const pipes = connect(a, b)
    for (const number of upTo(500)) {
      a.session.send(numbered(number))
      b.session.send(numbered(number, 300))
    }
    await settle(pipes)
    expect(numbersOf(b.delivered)).toEqual(upTo(500))
    expect(numbersOf(a.delivered)).toEqual(upTo(500))
    expect([a.session.unsentBytes, b.session.unsentBytes]).toEqual([0, 0])
  })

  test('loses, doubles and reorders nothing, wherever streams are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 10, maxLength: 80, size: 'max' }), async (steps) => {
        const ends = { a: new End(), b: new End() }
        const sent = { a: 0, b: 0 }
        const streams = new Streams(ends.a, ends.b)
        const take = async (step: Step): Promise<void> => {
          switch (step.do) {
            case 'send': {
              const { session } = ends[step.end]
              for (let at = 0; at < step.count; at++) session.send(numbered(sent[step.end]++, step.size))
              return
            }
            case 'pump':
              ;(step.end === 'a' ? streams.ba : streams.ab).pump(step.bytes)
              return
            case 'drain':
              ends[step.end].session.drained()
              return
            case 'wait':
              await vi.advanceTimersByTimeAsync(step.ms)
              return
            case 'ask':
              streams.ask(step.writable)
              return
            case 'answer':
              streams.answer()
          }
        }
        for (const step of [...steps, { do: 'answer' as const }]) await take(step)
        // No fresh stream at the end: that would mend a count that went wrong.
        for (const pipe of [streams.ab, streams.ba]) pipe.writable = true
        for (const { session } of Object.values(ends)) session.drained()
        await settle([streams.ab, streams.ba])
        expect(numbersOf(ends.b.delivered)).toEqual(upTo(sent.a))
        expect(numbersOf(ends.a.delivered)).toEqual(upTo(sent.b))
        for (const { faults, ends: said } of Object.values(ends)) expect([...faults, ...said]).toEqual([])
      }),
      { numRuns: 1_500 },
    )
  })

  test('has no more than the window under way to a listener that does not come to an end', async () => {
    const [a, b] = [new End(), new End()]
    const open = Promise.withResolvers<void>()
    b.gate = open.promise
    const [ab, ba] = connect(a, b)
    for (const number of upTo(40)) expect(a.session.send(numbered(number, 100_000))).toBe(true)
    await settle([ab, ba])
    expect(ab.written).toBeLessThanOrEqual(windowBytes)
    expect(ab.written).toBeGreaterThan(windowBytes / 2)
    expect(a.session.unsentBytes).toBeGreaterThan(2_000_000)
    open.resolve()
    await settle([ab, ba])
    expect(numbersOf(b.delivered)).toEqual(upTo(40))
  })

  test('passes frames larger than the window one at a time', async () => {
    const [a, b] = [new End(), new End()]
    const pipes = connect(a, b)
    for (const number of [0, 1]) expect(a.session.send(numbered(number, frameBytesMax - 200))).toBe(true)
    await settle(pipes)
    expect(numbersOf(b.delivered)).toEqual([0, 1])
    expect(b.faults).toEqual([])
  })

  test('does not write to a stream that is full until it has drained', async () => {
    const [a, b] = [new End(), new End()]
    const [ab, ba] = connect(a, b)
    ab.writable = false
    for (const number of upTo(10)) a.session.send(numbered(number, 30_000))
    await settle([ab, ba])
    const first = b.delivered.length
    expect(first).toBeLessThan(10)
    ab.writable = true
    a.session.drained()
    await settle([ab, ba])
    expect(numbersOf(b.delivered)).toEqual(upTo(10))
  })

  test('ends when more waits than may, and takes nothing more', async () => {
    const a = new End()
    let taken = 0
    while (a.session.send(new Uint8Array(1_000_000))) taken++
    expect(taken).toBe(Math.floor(heldBytesMax / 1_000_064))
    await vi.advanceTimersByTimeAsync(0)
    expect(a.ends).toEqual(['overflow'])
    expect(a.session.send(new Uint8Array(1))).toBe(false)
  })

  test('a million empty frames count as more than nothing', () => {
    const a = new End()
    let taken = 0
    while (a.session.send(new Uint8Array(0))) taken++
    expect(taken).toBeLessThan(200_000)
  })

  test('a frame over the limit is our own mistake', () => {
    expect(() => new End().session.send(new Uint8Array(frameBytesMax + 1))).toThrow(RangeError)
  })

  test('ends after 30 s without a word on the frames under way', async () => {
    const [a, b] = [new End(), new End()]
    connect(a, b)
    a.session.send(numbered(0))
    await vi.advanceTimersByTimeAsync(1)
    for (let ms = 0; ms <= 30_000; ms += tickMs) {
      expect(a.ends).toEqual([])
      a.session.tick()
      await vi.advanceTimersByTimeAsync(1)
    }
    expect(a.ends).toEqual(['stalled'])
  })

  test('a peer that says again and again that it handled nothing new is stuck all the same', async () => {
    const [a, b] = [new End(), new End()]
    connect(a, b)
    a.session.send(numbered(0))
    await vi.advanceTimersByTimeAsync(1)
    for (let tick = 0; tick < 7; tick++) {
      a.session.take({ kind: 'handled', count: 0 })
      a.session.tick()
    }
    await vi.advanceTimersByTimeAsync(1)
    expect(a.ends).toEqual(['stalled'])
  })

  test('NET-07 asks a quiet peer for a sign of life, and ends after three that stay unanswered', async () => {
    const [a, b] = [new End(), new End()]
    const [ab, ba] = connect(a, b)
    for (let ms = 0; ms < 300_000; ms += tickMs) {
      a.session.tick()
      ab.pump()
      ba.pump()
    }
    await vi.advanceTimersByTimeAsync(1)
    expect(a.ends).toEqual([])
    let silentMs = 0
    while (a.ends.length === 0) {
      a.session.tick()
      silentMs += tickMs
      await vi.advanceTimersByTimeAsync(1)
    }
    expect(a.ends).toEqual(['silent'])
    expect(silentMs).toBeLessThanOrEqual(130_000)
    expect(silentMs).toBeGreaterThanOrEqual(90_000)
  })

  test('a peer that answers at last is not held to the clock of a page that was frozen', async () => {
    const [a, b] = [new End(), new End()]
    const [ab, ba] = connect(a, b)
    a.session.send(numbered(0))
    await vi.advanceTimersByTimeAsync(1)
    ab.pump()
    await vi.advanceTimersByTimeAsync(3_600_000)
    a.session.tick()
    ba.pump()
    await settle([ab, ba])
    expect(a.ends).toEqual([])
  })

  test('refuses more than the window at once', async () => {
    const b = new End()
    b.gate = new Promise(() => undefined)
    const flood = new Pipe(b.session)
    b.session.carryOn(new Pipe(new End().session), 0, 0)
    for (const number of upTo(12)) {
      const frame = numbered(number, 100_000)
      flood.write(concatBytes(frameHeader(frame.length), frame))
    }
    flood.pump()
    expect(b.faults[0]).toBe('flood')
  })

  test.each([
    ['more handled than was sent', 5],
    ['fewer handled than before', 1],
  ])('refuses %s', async (_, count) => {
    const [a, b] = [new End(), new End()]
    const pipes = connect(a, b)
    for (const number of upTo(3)) a.session.send(numbered(number))
    await settle(pipes)
    const lie = new Pipe(a.session)
    lie.write(encodeHandled(count))
    lie.pump()
    expect(a.faults).toEqual(['malformed'])
  })

  test('refuses to go on from where it cannot have been', async () => {
    const [a, b] = [new End(), new End()]
    const pipes = connect(a, b)
    for (const number of upTo(3)) a.session.send(numbered(number))
    await settle(pipes)
    expect(a.session.carryOn(new Pipe(b.session), 4, 0)).toBe(false)
    expect(a.session.carryOn(new Pipe(b.session), 2, 0)).toBe(false)
    expect(a.session.carryOn(new Pipe(b.session), 3, 0)).toBe(true)
  })

  test('delivers nothing after it was stopped', async () => {
    const [a, b] = [new End(), new End()]
    const open = Promise.withResolvers<void>()
    b.gate = open.promise
    const pipes = connect(a, b)
    for (const number of upTo(3)) a.session.send(numbered(number))
    await settle(pipes)
    b.session.stop()
    open.resolve()
    await settle(pipes)
    expect(numbersOf(b.delivered)).toEqual([0])
    expect(b.session.send(numbered(9))).toBe(false)
  })
})
