import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openFrame } from '../../shared/envelope/envelope.ts'
import { frameKinds } from '../../shared/host/blob-frames.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { Outbound } from '../../shared/host/outbound.ts'
import type { Instant, PeerId } from '../../shared/kernel/ids.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { uuidV4 } from '../../shared/kernel/uuid.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import { newKeys } from '../relay/http/test-keys.ts'
import { InboundRig, messagesIn, testNetworkId } from '../support/host-parts.ts'
import { peerA, peerB } from '../support/scripted-run.ts'
import { answerTo, assignmentOf, makeTask } from '../support/task-fixtures.ts'
import { wireSamples } from '../support/wire-samples.ts'

const waiting = (missingWorkers: number) => ({ type: 'task/waiting', missingWorkers }) as const
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function outbound(over: Partial<CryptoPort> = {}, now = () => Date.now()) {
  const [me] = await newKeys(1)
  const sent: { readonly to: PeerId; readonly frame: Uint8Array }[] = []
  const overflown: PeerId[] = []
  const out = new Outbound({
    networkId: testNetworkId,
    crypto: { ...me!, ...over },
    now: () => now() as Instant,
    send: (to, frame) => {
      sent.push({ to, frame })
      return true
    },
    overflow: (to) => overflown.push(to),
  })
  return { me: me!, out, sent, overflown }
}

function envelopeOf(frame: Uint8Array) {
  expect(frame[0]).toBe(frameKinds.envelope)
  const opened = openFrame(frame.subarray(1))
  if (opened instanceof Refusal) throw new Error(opened.message)
  return opened.envelope
}

const numbers = (sent: readonly { readonly frame: Uint8Array }[]): number[] =>
  sent.flatMap(({ frame }) =>
    messagesIn(frame).map((message) => (message as unknown as { missingWorkers: number }).missingWorkers),
  )

describe('SEC-01 messages that leave', () => {
  test('say who, to whom, when and what, each under an id of its own', async () => {
    const { me, out, sent } = await outbound({}, () => 1_793_000_000_000)
    out.send(peerA, waiting(1))
    await turn()
    out.send(peerA, waiting(1))
    await out.drained()
    const [first, second] = sent.map(({ frame }) => envelopeOf(frame))
    expect(first).toMatchObject({
      version: 1,
      networkId: testNetworkId,
      time: 1_793_000_000_000,
      sender: me.self,
      to: peerA,
      type: 'task/waiting',
      payload: { missingWorkers: 1 },
    })
    expect(first!.correlationId).toBe(first!.id)
    expect(second!.id).not.toBe(first!.id)
  })

  test('are taken by the one they are for, nested signatures included', async () => {
    const rig = await InboundRig.create()
    const answers = [1, 2, 3].map((n) => answerTo(assignmentOf(makeTask(n), n), `output ${n}`))
    const message: WireMessage = { type: 'task/answers', items: answers, signature: new Uint8Array(0) }
    const frames: Uint8Array[] = []
    const out = new Outbound({
      networkId: testNetworkId,
      crypto: rig.other,
      now: () => rig.now as Instant,
      send: (_to, frame) => frames.push(frame) > 0,
      overflow: () => undefined,
    })
    out.send(rig.me.self, message)
    await out.drained()
    await rig.receive(frames[0]!)
    await rig.settled()
    expect(rig.logged.messages).toEqual([])
    expect(rig.types()).toEqual(['task/answers'])
  })

  test('ids are UUIDs of version 4, whatever the random bytes', () => {
    const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(uuidV4(bytes)).toMatch(form)
      }),
    )
  })
})

describe('DESIGN order of what leaves', () => {
  /** Signatures that are done when they are told to, in whatever order. */
  async function slow() {
    const pending: (() => void)[] = []
    const rig = await outbound({
      sign: (bytes) =>
        new Promise((resolve) => pending.push(() => resolve(new Uint8Array(64).fill(bytes.length)))),
    })
    return { ...rig, pending }
  }

  test('messages to one peer leave as they were given, however their signing ends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { minLength: 2, maxLength: 20 }), async (keys) => {
        const { out, sent, pending } = await slow()
        for (const i of keys.keys()) {
          out.send(peerA, waiting(i))
          await turn()
        }
        expect(pending.length).toBe(keys.length)
        for (const at of [...keys.keys()].sort((a, b) => keys[a]! - keys[b]!)) {
          pending[at]!()
          await turn()
        }
        await out.drained()
        expect(numbers(sent)).toEqual([...keys.keys()])
      }),
      { numRuns: 20 },
    )
  })

  test('one peer waits for no other', async () => {
    const { out, sent, pending } = await slow()
    out.send(peerA, waiting(1))
    out.send(peerB, waiting(2))
    await turn()
    pending[1]!()
    await turn()
    expect(sent.map(({ to }) => to)).toEqual([peerB])
  })

  test('drained means that all of it was handed on', async () => {
    const { out, sent } = await outbound()
    for (let i = 0; i < 100; i++) out.send(i % 2 === 0 ? peerA : peerB, waiting(i))
    await out.drained()
    expect(numbers(sent).length).toBe(100)
    await out.drained()
  })

  test('10,000 messages to one peer are under way at most: beyond, it is too slow to keep', async () => {
    const { out, overflown, pending, sent } = await slow()
    for (let i = 0; i < 10_001; i++) out.send(peerA, waiting(i % 1_000))
    out.send(peerB, waiting(1))
    expect(overflown).toEqual([peerA])
    await turn()
    for (const done of pending) done()
    await out.drained()
    expect(numbers(sent).length).toBe(10_001)
    out.send(peerA, waiting(5))
    expect(overflown).toEqual([peerA])
  })
})

describe('SEC-08 what is sent to a peer at one moment', () => {
  test('leaves in one envelope under one signature, and comes in as it was given', async () => {
    const rig = await InboundRig.create()
    let signatures = 0
    const frames: Uint8Array[] = []
    const out = new Outbound({
      networkId: testNetworkId,
      crypto: {
        ...rig.other,
        sign: (bytes) => {
          signatures++
          return rig.other.sign(bytes)
        },
      },
      now: () => rig.now as Instant,
      send: (_to, frame) => frames.push(frame) > 0,
      overflow: () => undefined,
    })
    const wanted = [waiting(1), wireSamples['task/offer'], waiting(2)]
    for (const message of wanted) out.send(rig.me.self, message)
    await out.drained()
    expect(frames.length).toBe(1)
    expect(signatures).toBe(1)
    await rig.receive(frames[0]!)
    await rig.settled()
    expect(rig.logged.messages).toEqual([])
    expect(rig.delivered.slice(0, 3).map(({ message }) => message)).toEqual(wanted)
    expect(rig.counters.of('messages_received_total').get('task/waiting')).toBe(2)
  })

  test('is several envelopes where one would have over 256 items or 64 KiB', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 2, maxLength: 12 }),
        fc.integer({ min: 0, max: 600 }),
        async (sizes, small) => {
          const { out, sent } = await outbound()
          const given = [
            ...sizes.map((size) => ({ type: 'task/waiting', filler: 'x'.repeat(size) }) as never),
            ...Array.from({ length: small }, (_, n) => waiting(n)),
          ]
          for (const message of given) out.send(peerA, message)
          await out.drained()
          expect(sent.flatMap(({ frame }) => messagesIn(frame))).toEqual(given)
          for (const { frame } of sent) {
            expect(frame.length).toBeLessThanOrEqual(64 * 1024)
            expect(messagesIn(frame).length).toBeLessThanOrEqual(256)
          }
        },
      ),
      { numRuns: 30 },
    )
  })
})
