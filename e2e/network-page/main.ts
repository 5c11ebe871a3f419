import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Network } from '../../shared/host/network.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { Recorder } from '../../test/host/recorder.ts'
import { createTabNode } from '../../web/node/libp2p-tab.ts'

/** What the test calls from outside; everything crosses as JSON. */
export interface TabProbe {
  start(networkId: string): Promise<string>
  dialAddress(address: string): Promise<string>
  dialPeer(peer: string): Promise<string>
  /** Sends frames `from … to - 1`, each with its number in the first four bytes. */
  sendNumbered(peer: string, from: number, to: number, sizeBytes: number): boolean
  /** Resolves when so many frames of that peer came; whether they were numbered without gap from 0, and how many. */
  numbered(peer: string, count: number): Promise<{ count: number; inOrder: boolean }>
  echo(peer: string, sizeBytes: number): Promise<number>
  isDirect(peer: string): boolean | undefined
  untilDirect(peer: string): Promise<void>
  untilDown(peer: string, times: number): Promise<void>
  log(): readonly string[]
  addresses(): readonly string[]
  untilReserved(): Promise<void>
  publish(text: string): Promise<void>
  untilGossip(text: string): Promise<void>
  /** Frames are not handled from now on until `release`. */
  hold(): void
  release(): void
  queuedBytes(peer: string): number
  stop(): Promise<void>
}

declare global {
  interface Window {
    tab: TabProbe
  }
}

const echoMark = 0xee
const recorder = new Recorder()
let network: Network | undefined
let held = Promise.withResolvers<void>()

function running(): Network {
  if (network === undefined) throw new Error('start the tab first')
  return network
}

function numberOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(0)
}

window.tab = {
  start: async (networkId) => {
    network = createTabNode({
      privateKey: await generateKeyPair('Ed25519'),
      networkId: networkId as Hash,
    })
    network.subscribe('talk')
    await network.start(recorder)
    return network.self
  },
  dialAddress: (address) => running().dial({ addresses: [address] }),
  dialPeer: (peer) => running().dial({ peer: peer as PeerId }),
  sendNumbered: (peer, from, to, sizeBytes) => {
    for (let number = from; number < to; number++) {
      const frame = new Uint8Array(sizeBytes)
      new DataView(frame.buffer).setUint32(0, number)
      if (!running().send(peer as PeerId, frame)) return false
    }
    return true
  },
  numbered: async (peer, count) => {
    const came = () => recorder.from(peer as PeerId)
    await recorder.until(() => came().length >= count, `${count} frames of ${peer}`, 30_000)
    return { count: came().length, inOrder: came().every((frame, at) => numberOf(frame) === at) }
  },
  echo: async (peer, sizeBytes) => {
    const before = recorder.from(peer as PeerId).length
    const start = performance.now()
    if (!running().send(peer as PeerId, new Uint8Array(sizeBytes).fill(echoMark))) return -1
    await recorder.until(() => recorder.from(peer as PeerId).length > before, 'echo')
    return performance.now() - start
  },
  isDirect: (peer) => recorder.paths.get(peer as PeerId)?.direct,
  untilDirect: (peer) =>
    recorder.until(() => recorder.paths.get(peer as PeerId)?.direct === true, `direct to ${peer}`),
  untilDown: (peer, times) =>
    recorder.until(
      () => recorder.log.filter((line) => line.startsWith(`down ${peer}`)).length >= times,
      `down ${peer}`,
      60_000,
    ),
  log: () => recorder.log,
  addresses: () => running().addresses(),
  untilReserved: async () => {
    const deadline = performance.now() + 15_000
    while (
      !running()
        .addresses()
        .some((address) => address.includes('/p2p-circuit'))
    ) {
      if (performance.now() > deadline) throw new Error(`no reservation: ${running().addresses().join(', ')}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  },
  publish: (text) => running().publish('talk', new TextEncoder().encode(text)),
  untilGossip: (text) =>
    recorder.until(
      () => recorder.gossips.some(({ frame }) => new TextDecoder().decode(frame) === text),
      `gossip ${text}`,
    ),
  hold: () => {
    held = Promise.withResolvers<void>()
    recorder.handle = () => held.promise
  },
  release: () => {
    recorder.handle = () => Promise.resolve()
    held.resolve()
  },
  queuedBytes: (peer) => running().queuedBytes(peer as PeerId),
  stop: () => running().stop(),
}
