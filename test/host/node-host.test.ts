import { describe, expect, test, vi } from 'vitest'
import { newSubmission } from '../../shared/client/new-submission.ts'
import { openFrame } from '../../shared/envelope/envelope.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { NodeHost } from '../../shared/host/node-host.ts'
import { encodeCanonical } from '../../shared/kernel/codec.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import type { PeerEvent } from '../../shared/peer/inputs.ts'
import { makePeer } from '../../shared/peer/roles.ts'
import { MemoryBlobs } from '../relay/http/memory-blobs.ts'
import { newKeys } from '../relay/http/test-keys.ts'
import { FakeNetwork } from '../support/fake-network.ts'
import { frameOf, LogLines, testNetworkId } from '../support/host-parts.ts'
import { ScriptedStore } from '../support/scripted-run.ts'

const presence = {
  type: 'member/presence',
  kind: 'agent',
  version: 'test',
  slots: 1,
  running: 0,
  reply: false,
} as const
const offer = { type: 'task/offer', slots: 1, capacity: 3, holding: [] } as const

/** A relay without a wire. */
async function relay(
  over: {
    readonly store?: ScriptedStore
    readonly sign?: CryptoPort['sign']
    readonly clock?: () => number
  } = {},
) {
  const [me, agent] = (await newKeys(2)) as [CryptoPort, CryptoPort]
  const store = over.store ?? new ScriptedStore()
  if (over.store === undefined) store.onCommit = ({ succeed }) => succeed()
  const network = new FakeNetwork(me.self)
  const blobs = new MemoryBlobs()
  const logged = new LogLines()
  const events: PeerEvent[] = []
  const failures: unknown[] = []
  const host = new NodeHost({
    peer: makePeer('relay', { self: me.self, version: 'test', relays: [], seed: 1, sha256: me.sha256 }),
    networkId: testNetworkId,
    network,
    crypto: over.sign === undefined ? me : { ...me, sign: over.sign },
    store,
    blobs,
    log: logged.log,
    admits: true,
    dialRelay: () => Promise.reject(new Error('a relay dials none')),
    onEvent: (event) => events.push(event),
    failed: (error) => failures.push(error),
    ...(over.clock === undefined ? {} : { clock: over.clock }),
  })
  const workers = () => host.ask((peer) => peer.children.coordinator!.counts().workers)
  const members = () => host.ask((peer) => peer.children.membership.size)
  const receive = async (message: typeof presence | typeof offer) =>
    await network.receive(agent.self, await frameOf(agent, me.self, message))
  return { me, agent, store, blobs, network, logged, events, failures, host, workers, members, receive }
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

describe('DESIGN a peer comes and goes', () => {
  test('what it says is heard after its admission, in order', async () => {
    const rig = await relay()
    await rig.host.start()
    rig.network.up(rig.agent.self)
    await rig.receive(presence)
    await rig.receive(offer)
    await expect.poll(() => rig.workers()).toMatchObject({ count: 1, slots: 1 })
    expect(rig.events[0]).toEqual({ type: 'memberJoined', peer: rig.agent.self, kind: 'agent' })
    await rig.host.stop()
  })

  test('TSK-06 an offer that is still being checked when its worker goes makes no worker', async () => {
    const rig = await relay()
    await rig.host.start()
    for (let i = 0; i < 20; i++) {
      rig.network.up(rig.agent.self)
      await rig.receive(presence)
      await rig.receive(offer)
      if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
      rig.network.down(rig.agent.self)
    }
    await settle()
    expect(await rig.workers()).toMatchObject({ count: 0, slots: 0 })
    expect(await rig.members()).toBe(0)
    await rig.host.stop()
  })

  test('one that went while its admission was signed is never up', async () => {
    let sign: (bytes: Uint8Array) => void = () => undefined
    const rig = await relay({ sign: () => new Promise((resolve) => (sign = resolve)) })
    await rig.host.start()
    rig.network.up(rig.agent.self)
    rig.network.down(rig.agent.self)
    sign(new Uint8Array(64))
    await settle()
    expect(await rig.members()).toBe(0)
    await rig.host.stop()
  })

  test('frames of a peer that is not up change nothing', async () => {
    const rig = await relay()
    await rig.host.start()
    await rig.receive(offer)
    await settle()
    expect(await rig.workers()).toMatchObject({ count: 0 })
    await rig.host.stop()
  })
})

describe('SEC-04 a clock that was wrong for a moment', () => {
  test('does not set the node apart from the others once it is right again', async () => {
    let ahead = 3_600_000
    const rig = await relay({ clock: () => Date.now() + ahead })
    await rig.host.start()
    await rig.members()
    ahead = 0
    rig.network.up(rig.agent.self)
    await rig.receive(presence)
    await expect.poll(() => rig.events.length).toBe(1)
    const sent = rig.network.sent.map(({ frame }) => openFrame(frame.subarray(1)))
    expect(sent.length).toBeGreaterThan(0)
    for (const opened of sent) {
      const time = opened instanceof Refusal ? 0 : opened.envelope.time
      expect(Math.abs(time - Date.now())).toBeLessThan(10_000)
    }
    await rig.host.stop()
  })
})

describe('TSK-14 the store of a node', () => {
  async function submission(of: CryptoPort, programHash = 'a'.repeat(64) as Hash) {
    const plan = {
      networkId: testNetworkId,
      programHash,
      programSizeBytes: 10,
      taskType: 'javascript',
      jobId: null,
    }
    return await newSubmission(plan, 0, new Uint8Array(Buffer.from('1')), of, new Date())
  }

  test('a submission is answered when it is durable, and known after a restart', async () => {
    const store = new ScriptedStore()
    const rig = await relay({ store })
    await rig.host.start()
    const item = await submission(rig.agent)
    const { taskId } = item.task
    let answered = false
    const reply = rig.host.submit(rig.agent.self, [item]).then((admitted) => {
      answered = true
      return admitted
    })
    await expect.poll(() => store.commits.length).toBe(1)
    await settle()
    expect(answered).toBe(false)
    store.commits[0]!.succeed()
    expect(await reply).toEqual([{ taskId, accepted: true }])
    store.onCommit = ({ succeed }) => succeed()
    await rig.host.stop()
    const again = await relay({ store })
    await again.host.start()
    const report = await again.host.ask((peer) => peer.children.coordinator!.report(taskId))
    expect(report).toMatchObject({ taskId, status: 'pending' })
    expect(again.logged.messages.some((line) => line.startsWith('Recovered state from '))).toBe(true)
    await again.host.stop()
  })

  test('one that fails ends the node: no answer, no message', async () => {
    const store = new ScriptedStore()
    const rig = await relay({ store })
    await rig.host.start()
    rig.network.up(rig.agent.self)
    await settle()
    const sent = rig.network.sent.length
    let answered = false
    void rig.host.submit(rig.agent.self, [await submission(rig.agent)]).then(() => {
      answered = true
    })
    await expect.poll(() => store.commits.length).toBe(1)
    store.commits[0]!.fail(new Error('disk full'))
    await settle()
    expect(rig.failures).toEqual([new Error('disk full')])
    expect(answered).toBe(false)
    expect(rig.network.sent.length).toBe(sent)
    await expect(rig.workers()).rejects.toThrow('disk full')
    await rig.host.stop()
  })

  test('one that does not keep up stops the reading after some thousand messages; what peers say meanwhile waits', async () => {
    const store = new ScriptedStore()
    const rig = await relay({ store })
    await rig.host.start()
    rig.network.up(rig.agent.self)
    const programHash = await rig.blobs.put(new Uint8Array(10))
    const item = await submission(rig.agent, programHash)
    let read = 0
    const flood = (async () => {
      for (let i = 0; i < 2_500; i++) {
        const frame = await frameOf(rig.agent, rig.me.self, { type: 'task/submit', items: [item] })
        await rig.network.receive(rig.agent.self, frame)
        read++
      }
    })()
    await vi.waitFor(() => expect(read).toBeGreaterThanOrEqual(1_000), { timeout: 15_000 })
    for (let looks = 0; looks < 10; looks++) await settle()
    expect(read).toBeLessThan(1_600)
    store.onCommit = ({ succeed }) => succeed()
    store.commits[0]!.succeed()
    await flood
    await rig.host.stop()
  })

  test('a row that cannot be read is named, and the node does not start', async () => {
    const store = new ScriptedStore()
    store.rows.set('coordinator/task/x', Uint8Array.of(0xff))
    const rig = await relay({ store })
    await expect(rig.host.start()).rejects.toThrow('coordinator/task/x')
    await rig.host.stop()
  })

  test('any number of rows is read, a thousand at a time', async () => {
    const store = new ScriptedStore()
    const list = vi.spyOn(store, 'list')
    for (let i = 0; i < 2_500; i++) {
      store.rows.set(`coordinator/undelivered/${String(i).padStart(5, '0')}`, encodeCanonical(true))
    }
    const rig = await relay({ store })
    await rig.host.start()
    expect(list).toHaveBeenCalledTimes(3)
    await rig.host.stop()
  })
})
