import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { encodeBody, envelopeBytesMax, freshMs } from '../../shared/envelope/envelope.ts'
import { frameKinds } from '../../shared/host/blob-frames.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { signParts } from '../../shared/host/nested-signatures.ts'
import { asciiBytes, concatBytes, toHex } from '../../shared/kernel/bytes.ts'
import { encodeCanonical } from '../../shared/kernel/codec.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import type { Answers } from '../../shared/task/messages.ts'
import { frameOf, frameOfBody, InboundRig, testNetworkId } from '../support/host-parts.ts'
import { answerTo, assignmentOf, makeTask, taskId } from '../support/task-fixtures.ts'
import { wireSamples } from '../support/wire-samples.ts'

const waiting = (missingWorkers: number) => ({ type: 'task/waiting', missingWorkers }) as const
const uuids = { id: '11111111-1111-4111-8111-111111111111' }

/** A promise to be settled from outside. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** Whether the promise is settled once all that can happen without waiting has happened. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  void promise.then(() => {
    settled = true
  })
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  return settled
}

describe('SEC-01 a message that is right in every way', () => {
  test('reaches its machine as it was sent', async () => {
    const rig = await InboundRig.create()
    await rig.receive(await rig.message(wireSamples['task/offer']))
    await rig.settled()
    expect(rig.delivered).toEqual([{ from: rig.other.self, message: wireSamples['task/offer'] }])
    expect(rig.logged.lines).toEqual([])
  })

  test('is counted by its type', async () => {
    const rig = await InboundRig.create()
    await rig.receive(await rig.message(waiting(1)))
    await rig.settled()
    expect(rig.counters.of('messages_received_total').get('task/waiting')).toBe(1)
  })
})

describe('SEC-01 a message that is wrong in one way', () => {
  test('a change of any byte of a frame keeps it from its machine', async () => {
    const rig = await InboundRig.create()
    const frame = await rig.message(waiting(1))
    for (let at = 0; at < frame.length; at++) {
      for (const bit of [1, 0x80]) {
        const changed = new Uint8Array(frame)
        changed[at] = changed[at]! ^ bit
        await rig.receive(changed)
      }
    }
    await rig.settled()
    expect(rig.delivered).toEqual([])
    // The frame itself was refused in no form: it still counts as new.
    await rig.receive(frame)
    await rig.settled()
    expect(rig.types()).toEqual(['task/waiting'])
  })

  test('random changes in number and place do no better', async () => {
    const rig = await InboundRig.create()
    const frame = await rig.message(wireSamples['task/offer'])
    const changes = fc.array(
      fc.tuple(fc.nat(frame.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(3)),
      { minLength: 1, maxLength: 4 },
    )
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        let bytes = [...frame]
        for (const [at, by, how] of list) {
          if (how === 0) bytes.splice(at % bytes.length, 1)
          else if (how === 1) bytes.splice(at % bytes.length, 0, by)
          else bytes = bytes.map((byte, i) => (i === at % bytes.length ? byte ^ by : byte))
        }
        const changed = Uint8Array.from(bytes)
        if (toHex(changed) === toHex(frame)) return
        await rig.receive(changed)
      }),
      { numRuns: 300 },
    )
    await rig.settled()
    expect(rig.delivered).toEqual([])
  })

  test.each([
    ['another network', 'other_network', { networkId: 'cd'.repeat(32) as Hash }],
    ['another recipient', 'not_for_us', { to: wireSamples['mesh/neighbours'].peers[0]! }],
    ['a topic as recipient', 'not_for_us', { to: 'topic:presence' }],
    [
      'another sender than its stream',
      'not_the_sender',
      { sender: wireSamples['mesh/neighbours'].peers[0]! },
    ],
  ] as const)('of %s it is refused as %s', async (_name, reason, over) => {
    const rig = await InboundRig.create()
    await rig.receive(await rig.message(waiting(1), over))
    await rig.settled()
    expect(rig.delivered).toEqual([])
    expect(rig.rejected(reason)).toBe(1)
  })

  test('nobody is fined in the name of another: the delivering peer is the one that is named', async () => {
    const rig = await InboundRig.create(2)
    const [liar, victim] = rig.others as [CryptoPort, CryptoPort]
    await rig.receive(await frameOf(victim, rig.me.self, waiting(1), { time: rig.now }), liar)
    await rig.settled()
    expect(rig.delivered).toEqual([])
    expect(rig.logged.messages.join()).not.toContain(victim.self)
  })

  test('SEC-02 a bad signature is dropped, logged in these words and counted', async () => {
    const rig = await InboundRig.create(2)
    const [sender, other] = rig.others as [CryptoPort, CryptoPort]
    const forged = await frameOf(other, rig.me.self, waiting(1), { sender: sender.self, time: rig.now })
    await rig.receive(forged, sender)
    await rig.settled()
    expect(rig.delivered).toEqual([])
    expect(rig.logged.lines).toContainEqual({
      level: 'warn',
      message: `Invalid signature from ${sender.self}`,
    })
    expect(rig.rejected('invalid_signature')).toBe(1)
  })

  test('SEC-02 the signature of an ordinary text does not pass for that of an envelope', async () => {
    const rig = await InboundRig.create()
    const body = encodeBody({
      version: 1,
      networkId: testNetworkId,
      ...uuids,
      correlationId: uuids.id,
      time: rig.now,
      sender: rig.other.self,
      to: rig.me.self,
      type: 'task/waiting',
      payload: { missingWorkers: 1 },
    })
    for (const context of ['', 'tabmesh/votes/1', 'tabmesh/envelope/2']) {
      const signature = await rig.other.sign(concatBytes(asciiBytes(context), body))
      await rig.receive(concatBytes(Uint8Array.of(0), encodeCanonical([body, signature])))
    }
    await rig.settled()
    expect(rig.delivered).toEqual([])
    expect(rig.rejected('invalid_signature')).toBe(3)
  })

  test('a peer that is not up says nothing', async () => {
    const rig = await InboundRig.create()
    rig.inbound.peerDown(rig.other.self)
    await rig.receive(await rig.message(waiting(1)))
    expect(rig.delivered).toEqual([])
  })
})

describe('SEC-04 freshness', () => {
  test.each([
    ['exactly five minutes old', -freshMs, 1],
    ['exactly five minutes ahead', freshMs, 1],
    ['a millisecond older', -freshMs - 1, 0],
    ['a millisecond further ahead', freshMs + 1, 0],
    ['from 1970', -Date.now(), 0],
    ['from the end of time', Number.MAX_SAFE_INTEGER - 2 * Date.now(), 0],
  ])('a message %s', async (_name, shift, taken) => {
    const rig = await InboundRig.create()
    await rig.receive(await rig.message(waiting(1), { time: rig.now + shift }))
    await rig.settled()
    expect(rig.delivered.length).toBe(taken)
    expect(rig.rejected('stale')).toBe(1 - taken)
  })
})

describe('SEC-04 replay', () => {
  test('a second copy is dropped, logged in these words and counted', async () => {
    const rig = await InboundRig.create()
    const frame = await rig.message(waiting(1), uuids)
    await rig.receive(frame)
    await rig.receive(frame)
    await rig.settled()
    expect(rig.types()).toEqual(['task/waiting'])
    expect(rig.logged.messages).toEqual([`Replay attack detected from ${rig.other.self}: ${uuids.id}`])
    expect(rig.rejected('replay')).toBe(1)
  })

  test('so is another message under an id that was used', async () => {
    const rig = await InboundRig.create()
    await rig.receive(await rig.message(waiting(1), uuids))
    await rig.settled()
    await rig.receive(await rig.message(waiting(2), uuids))
    await rig.settled()
    expect(rig.delivered.map(({ message }) => message)).toEqual([waiting(1)])
    expect(rig.rejected('replay')).toBe(1)
  })

  test('nor does it pass after the peer came back, nor nine minutes later', async () => {
    const rig = await InboundRig.create()
    const frame = await rig.message(waiting(1), { ...uuids, time: rig.now + freshMs })
    await rig.receive(frame)
    await rig.settled()
    rig.inbound.peerDown(rig.other.self)
    rig.inbound.peerUp(rig.other.self, Promise.resolve())
    rig.now += 9 * 60_000
    await rig.receive(frame)
    await rig.settled()
    expect(rig.types()).toEqual(['task/waiting'])
    expect(rig.rejected('replay')).toBe(1)
  })

  test('an id that came under a bad signature is still free for its owner', async () => {
    const rig = await InboundRig.create(2)
    const [owner, thief] = rig.others as [CryptoPort, CryptoPort]
    const over = { ...uuids, time: rig.now, sender: owner.self }
    await rig.receive(await frameOf(thief, rig.me.self, waiting(1), over), owner)
    await rig.receive(await frameOf(owner, rig.me.self, waiting(2), over), owner)
    await rig.settled()
    expect(rig.delivered.map(({ message }) => message)).toEqual([waiting(2)])
  })

  test('how many ids are remembered can be asked', async () => {
    const rig = await InboundRig.create()
    for (let i = 0; i < 5; i++) await rig.receive(await rig.message(waiting(i)))
    await rig.settled()
    expect(rig.inbound.replayWindowSize).toBe(6)
  })
})

describe('SEC-02 rejection tells its sender little', () => {
  test.each([
    [0, 0],
    [51, 1],
    [255, 4.98],
  ])('a random byte of %d keeps it waiting for about %d ms', async (byte, delayMs) => {
    const rig = await InboundRig.create(1, { randomBytes: () => Uint8Array.of(byte) })
    const frame = await rig.message(waiting(1), { networkId: 'cd'.repeat(32) as Hash })
    const timers = vi.spyOn(globalThis, 'setTimeout')
    await rig.receive(frame)
    const delays = timers.mock.calls.map(([, ms]) => ms)
    timers.mockRestore()
    await rig.settled()
    expect(delays).toEqual([expect.closeTo(delayMs, 1)])
    expect(rig.rejected('other_network')).toBe(1)
  })

  test('the reasons make no more labels than there are reasons', async () => {
    const rig = await InboundRig.create()
    for (let i = 0; i < 50; i++) await rig.receive(await rig.message({ type: `task/steal${i}` }))
    await rig.settled()
    expect([...rig.counters.of('messages_rejected_total').keys()]).toEqual(['malformed'])
  })

  test('no text of a stranger is logged', async () => {
    const rig = await InboundRig.create()
    const evil = 'EVIL\n{"level":"error"}'
    await rig.receive(await rig.message({ type: evil }))
    await rig.receive(await rig.message({ type: 'task/waiting', [evil]: 1 } as never))
    await rig.receive(await rig.message(waiting(1), { to: evil }))
    await rig.receive(asciiBytes(evil))
    await rig.settled()
    expect(rig.logged.lines.length).toBe(4)
    expect(JSON.stringify(rig.logged.lines)).not.toContain('EVIL')
  })
})

describe('TSK-09 commitments', () => {
  const withAnswers = async (rig: InboundRig, spoilt: number): Promise<Uint8Array> => {
    const items = [1, 2].map((n) => answerTo(assignmentOf(makeTask(n), n), `out ${n}`))
    const given = { type: 'task/answers', items, signature: new Uint8Array(64) } as const
    const signed = (await signParts(given, testNetworkId, rig.other)) as Answers
    signed.items[spoilt]?.commitment?.signature.fill(7)
    return await rig.message(signed)
  }

  test('of a first answer is checked, and comes with it', async () => {
    const rig = await InboundRig.create()
    await rig.receive(await withAnswers(rig, 1))
    await rig.receive(await withAnswers(rig, 2))
    await rig.settled()
    expect(rig.rejected('invalid_signature')).toBe(1)
    expect(
      rig.delivered.map(({ message }) => (message as Answers).items.map((item) => item.commitment)),
    ).toEqual([
      [
        expect.objectContaining({ salt: expect.any(Uint8Array) }),
        expect.objectContaining({ salt: expect.any(Uint8Array) }),
      ],
    ])
  })

  test('of a later answer is left out unchecked, so that no machine takes it for a checked one', async () => {
    const rig = await InboundRig.create()
    rig.wantsCommitment = (task) => task === taskId(1)
    await rig.receive(await withAnswers(rig, 1))
    await rig.settled()
    expect(rig.rejected('invalid_signature')).toBe(0)
    const { items } = rig.delivered[0]!.message as Answers
    expect(items.map((item) => item.commitment === null)).toEqual([false, true])
  })
})

describe('SEC-01 hostile payloads', () => {
  test.each([
    ['a type that has no text', { type: { toString: 0, valueOf: 0 } }],
    ['a type of its own', { type: 'task/cancel', taskIds: [] }],
    ['null', null],
    ['a number', 7],
    ['a text', 'missingWorkers'],
    ['a list', [{ missingWorkers: 1 }]],
    ['bytes', new Uint8Array(200_000)],
    ['a long list', new Array(200_000).fill(0)],
    ['a prototype', Object.defineProperty({}, '__proto__', { value: waiting(1), enumerable: true })],
    ['a field too many', { missingWorkers: 1, constructor: {} }],
    ['a list within lists', { missingWorkers: nested(60) }],
    ['as many maps as fit', { missingWorkers: new Array(250_000).fill({}) }],
  ])('%s is refused within moments, and what follows is still heard', async (_name, payload) => {
    const rig = await InboundRig.create()
    const frame = await rig.message(waiting(1), { payload })
    expect(frame.length).toBeLessThan(envelopeBytesMax)
    const started = performance.now()
    await rig.receive(frame)
    await rig.settled()
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(rig.delivered).toEqual([])
    expect(rig.rejected('malformed')).toBe(1)
  })

  test('a check that breaks down costs its sender the message, and the node nothing', async () => {
    const rig = await InboundRig.create(1, {
      sha256: () => {
        throw new RangeError('of ours')
      },
    })
    await rig.receive(await rig.message(wireSamples['task/submit']))
    await rig.receive(await rig.message(waiting(1)))
    await rig.settled()
    expect(rig.types()).toEqual(['task/waiting'])
    expect(rig.rejected('uncheckable')).toBe(1)
  })

  test('random bytes of every first byte neither throw nor come through', async () => {
    const rig = await InboundRig.create()
    const garbage = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 200 }))
    await fc.assert(
      fc.asyncProperty(garbage, async ([kind, rest]) => {
        await rig.receive(concatBytes(Uint8Array.of(kind), rest))
      }),
      { numRuns: 500 },
    )
    await rig.receive(new Uint8Array(0))
    await rig.settled()
    expect(rig.delivered).toEqual([])
  })

  test('random signed bodies neither throw nor come through', async () => {
    const rig = await InboundRig.create()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (body) => {
        await rig.receive(await frameOfBody(rig.other, body))
      }),
      { numRuns: 200 },
    )
    await rig.settled()
    expect(rig.delivered).toEqual([])
  })

  test('10,000 frames of garbage leave nothing behind', async () => {
    const rig = await InboundRig.create()
    const frame = new Uint8Array(60_000).fill(0x80)
    frame[0] = frameKinds.envelope
    await rig.receive(frame)
    await rig.settled()
    const before = process.memoryUsage()
    for (let i = 0; i < 10_000; i++) await rig.receive(frame)
    await rig.settled()
    const after = process.memoryUsage()
    expect(rig.rejected('malformed')).toBe(10_001)
    expect(after.heapUsed - before.heapUsed).toBeLessThan(50e6)
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(50e6)
  })
})

describe('DESIGN frames of one peer, in order', () => {
  /** Verifications that end when they are told to, in whatever order. */
  async function slowRig(others: number) {
    const gates: { readonly of: PeerId; open(): void }[] = []
    const rig = await InboundRig.create(others, {
      verify: async (peer) => {
        const { opened, open } = gate()
        gates.push({ of: peer, open })
        await opened
        return true
      },
    })
    return { rig, gates }
  }

  test('messages are delivered as they came, however their checks end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { minLength: 2, maxLength: 12 }), async (keys) => {
        const { rig, gates } = await slowRig(1)
        for (const i of keys.keys()) await rig.receive(await rig.message(waiting(i)))
        const order = [...gates.keys()].sort((a, b) => keys[a]! - keys[b]!)
        for (const at of order) {
          gates[at]!.open()
          await new Promise((resolve) => setImmediate(resolve))
        }
        expect(rig.delivered.map(({ message }) => message)).toEqual([...keys.keys()].map(waiting))
      }),
      { numRuns: 20 },
    )
  })

  test('a refused message holds its place: what follows does not overtake, and is not held for ever', async () => {
    const rig = await InboundRig.create()
    await rig.receive(await rig.message(waiting(1)))
    await rig.receive(Uint8Array.of(0, 1, 2))
    await rig.receive(await rig.message(waiting(3)))
    await rig.settled()
    expect(rig.delivered.map(({ message }) => message)).toEqual([waiting(1), waiting(3)])
  })

  test('one slow peer holds up no other', async () => {
    const { rig, gates } = await slowRig(2)
    const [slow, quick] = rig.others as [CryptoPort, CryptoPort]
    await rig.receive(await frameOf(slow, rig.me.self, waiting(1), { time: rig.now }), slow)
    await rig.receive(await frameOf(quick, rig.me.self, waiting(2), { time: rig.now }), quick)
    gates.find(({ of }) => of === quick.self)!.open()
    await isSettled(Promise.resolve())
    expect(rig.delivered).toEqual([{ from: quick.self, message: waiting(2) }])
  })

  test('no more than 256 frames of one peer are under way, and the next is read when one is done', async () => {
    const { rig, gates } = await slowRig(2)
    const frame = await rig.message(waiting(1))
    for (let i = 1; i < 256; i++) await rig.receive(frame)
    const full = rig.receive(frame)
    expect(await isSettled(full)).toBe(false)
    expect(await isSettled(rig.receive(new Uint8Array(1), rig.others[1]))).toBe(true)
    gates[0]!.open()
    await full
  })

  test('nor more than 4 MiB', async () => {
    const { rig, gates } = await slowRig(1)
    const frame = await rig.message({ type: 'task/waiting', filler: 'x'.repeat(250_000) } as never)
    let taken = 0
    let last = rig.receive(frame)
    while (await isSettled(last)) {
      taken++
      last = rig.receive(frame)
    }
    expect(taken * frame.length).toBeGreaterThan(3.5 * 1024 * 1024)
    expect((taken + 1) * frame.length).toBeLessThan(4.5 * 1024 * 1024)
    for (const { open } of gates) open()
    await last
  })

  test('nothing is delivered before its peer was admitted', async () => {
    const rig = await InboundRig.create()
    const { opened, open } = gate()
    rig.inbound.peerDown(rig.other.self)
    rig.inbound.peerUp(rig.other.self, opened)
    await rig.receive(await rig.message(waiting(1)))
    while (rig.inbound.replayWindowSize === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(rig.delivered).toEqual([])
    open()
    await isSettled(opened)
    expect(rig.types()).toEqual(['task/waiting'])
  })

  test('what was still being checked when its peer went is not delivered, not even when it comes back', async () => {
    const { rig, gates } = await slowRig(1)
    await rig.receive(await rig.message(waiting(1)))
    rig.inbound.peerDown(rig.other.self)
    rig.inbound.peerUp(rig.other.self, Promise.resolve())
    await rig.receive(await rig.message(waiting(2)))
    for (const { open } of gates) open()
    await isSettled(Promise.resolve())
    expect(rig.delivered.map(({ message }) => message)).toEqual([waiting(2)])
  })
})

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}
