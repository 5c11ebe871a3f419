import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Ed25519PrivateKey, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'

import { createLibp2p } from 'libp2p'
import { createAgentNode } from '../../relay/net/agent-node.ts'
import type { RelayNode } from '../../relay/net/relay-node.ts'
import { createRelayNode } from '../../relay/net/relay-node.ts'
import { guardedWebSockets } from '../../shared/host/guarded-websockets.ts'
import type { TabmeshLibp2p } from '../../shared/host/libp2p-network.ts'
import { Libp2pNetwork } from '../../shared/host/libp2p-network.ts'
import { commonParts, commonServices } from '../../shared/host/libp2p-services.ts'
import type { Network } from '../../shared/host/network.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { Recorder } from './recorder.ts'

export const testNetworkId = 'ab'.repeat(32) as Hash
export const peerProtocol = '/tabmesh/abababab/peer/1'

export interface TestNode<N extends Network = Network> {
  readonly network: N
  readonly peer: PeerId
  readonly seen: Recorder
}

/** A node whose libp2p can be reached, to break things under it. */
export interface OpenNode extends TestNode {
  readonly libp2p: TabmeshLibp2p
}

const running: Network[] = []

/** Stops what the test started; for `afterEach`. */
export async function stopNodes(): Promise<void> {
  await Promise.all(running.splice(0).map((network) => network.stop()))
}

export async function startRelay(networkId = testNetworkId): Promise<TestNode<RelayNode>> {
  const privateKey = await generateKeyPair('Ed25519')
  return await started(
    createRelayNode({ privateKey, networkId, listenHost: '127.0.0.1', tcpPort: 0, wsPort: 0 }),
  )
}

export async function startAgent(
  options: { readonly networkId?: Hash; readonly listen?: readonly string[] } = {},
): Promise<TestNode> {
  const privateKey = await generateKeyPair('Ed25519')
  return await started(createAgentNode({ privateKey, networkId: testNetworkId, ...options }))
}

/** Two nodes on TCP, connected by the first; `opener` says which of the two opens their stream. */
export async function startPair(opener: 'first' | 'second'): Promise<[OpenNode, OpenNode]> {
  const keys = await Promise.all([generateKeyPair('Ed25519'), generateKeyPair('Ed25519')])
  keys.sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
  if (opener === 'second') keys.reverse()
  const [first, second] = [await startOpen(keys[0]!), await startOpen(keys[1]!)]
  await first.network.dial({ addresses: [tcpAddress(second)] })
  await second.seen.untilLogged(`up ${first.peer}`)
  return [first, second]
}

export async function startOpen(privateKey: Ed25519PrivateKey): Promise<OpenNode> {
  let libp2p: TabmeshLibp2p | undefined
  const network = new Libp2pNetwork({
    self: idOf(privateKey),
    networkId: testNetworkId,
    create: async () => {
      libp2p = await createLibp2p({
        ...commonParts(),
        privateKey,
        start: false,
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0', '/p2p-circuit'] },
        transports: [tcp(), guardedWebSockets(), circuitRelayTransport()],
        connectionManager: { reconnectRetries: 0 },
        services: commonServices(testNetworkId, 'client'),
      })
      return libp2p
    },
  })
  const node = await started(network)
  if (libp2p === undefined) throw new Error('the node was not made')
  return { ...node, libp2p }
}

export async function generateKey(): Promise<Ed25519PrivateKey> {
  return await generateKeyPair('Ed25519')
}

export function tcpAddress(node: TestNode): string {
  return addressOf(node, (text) => !text.includes('/ws') && !text.includes('/p2p-circuit'))
}

export function wsAddress(node: TestNode): string {
  return addressOf(node, (text) => text.includes('/ws'))
}

/** Resolves once a relay has promised to pass connections on to the node. */
export async function untilReserved(node: OpenNode): Promise<void> {
  const reserved = () => node.network.addresses().some((address) => address.includes('/p2p-circuit'))
  while (!reserved()) {
    await new Promise<unknown>((resolve) => {
      node.libp2p.addEventListener('self:peer:update', resolve, { once: true })
    })
  }
}

/** Resolves once everything written to the stream has left it. */
export async function untilIdle(stream: Stream): Promise<void> {
  if (stream.writeBufferLength === 0) return
  await new Promise<unknown>((resolve) => {
    stream.addEventListener('idle', resolve, { once: true })
  })
}

/** The connections of a node to a peer. */
export function connections(from: OpenNode, to: TestNode): Connection[] {
  return from.libp2p.getConnections().filter(({ remotePeer }) => remotePeer.toString() === to.peer)
}

/** The `peer` streams between the two, as the first sees them. */
export function peerStreams(from: OpenNode, to: TestNode): Stream[] {
  return connections(from, to).flatMap(({ streams }) =>
    streams.filter(({ protocol, status }) => protocol === peerProtocol && status === 'open'),
  )
}

export function numbered(number: number, sizeBytes = 4): Uint8Array {
  const frame = new Uint8Array(Math.max(4, sizeBytes))
  new DataView(frame.buffer).setUint32(0, number)
  return frame
}

/** Whether the frames are numbered from 0 without gap. */
export function inOrder(frames: readonly Uint8Array[]): boolean {
  return frames.every((frame, at) => new DataView(frame.buffer, frame.byteOffset).getUint32(0) === at)
}

async function started<N extends Network>(network: N): Promise<TestNode<N>> {
  const seen = new Recorder()
  await network.start(seen)
  running.push(network)
  return { network, peer: network.self, seen }
}

function idOf(key: Ed25519PrivateKey): PeerId {
  return peerIdFromPrivateKey(key).toString() as PeerId
}

function addressOf(node: TestNode, fits: (address: string) => boolean): string {
  const address = node.network.addresses().find(fits)
  if (address === undefined) throw new Error(`no such address among ${node.network.addresses().join(', ')}`)
  return address
}
