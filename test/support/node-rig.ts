import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadOrCreateIdentity } from '../../relay/keys/identity.ts'
import { createAgentNode } from '../../relay/net/agent-node.ts'
import { createRelayNode } from '../../relay/net/relay-node.ts'
import { BlobFiles } from '../../relay/storage/blob-files.ts'
import { SqliteStore } from '../../relay/storage/sqlite-store.ts'
import { NodeHost } from '../../shared/host/node-host.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { PeerEvent } from '../../shared/peer/inputs.ts'
import { makePeer } from '../../shared/peer/roles.ts'
import type { ProgramRunner } from '../../shared/runtime/program-runner.ts'
import type { CoordinatorConfig } from '../../shared/task/coordinator-ports.ts'
import { testNetworkId } from './host-parts.ts'
import { HostileNode } from './hostile-node.ts'

/** A relay or agent in this process: real identity, store, blobs and network on loopback. */
export interface RigNode {
  readonly peerId: PeerId
  readonly host: NodeHost
  readonly blobs: BlobFiles
  readonly events: PeerEvent[]
  addresses(): string[]
  stop(): Promise<void>
}

/** Makes nodes under one temporary folder; `close` stops them all and removes it. */
export class NodeRig {
  readonly #folder: string
  readonly #open: { stop(): Promise<void> }[] = []

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async create(): Promise<NodeRig> {
    return new NodeRig(await mkdtemp(join(tmpdir(), 'tabmesh-rig-')))
  }

  async identity(name: string) {
    return await loadOrCreateIdentity({ dir: join(this.#folder, name), keySource: 'keyFile', log: () => {} })
  }

  /** `coordinator` replaces parts of its configuration. */
  async relay(name = 'relay', coordinator: Partial<CoordinatorConfig> = {}): Promise<RigNode> {
    const identity = await this.identity(name)
    const network = createRelayNode({
      privateKey: identity.privateKey,
      networkId: testNetworkId,
      listenHost: '127.0.0.1',
      tcpPort: 0,
      wsPort: 0,
    })
    return await this.#start(name, 'relay', identity, network, [], undefined, coordinator)
  }

  async agent(name: string, relay: RigNode, runner: ProgramRunner): Promise<RigNode> {
    const identity = await this.identity(name)
    const network = createAgentNode({ privateKey: identity.privateKey, networkId: testNetworkId })
    const node = await this.#start(name, 'agent', identity, network, relay.addresses(), runner)
    node.host.command({ type: 'worker/lend', slots: runner.slots })
    return node
  }

  /** A peer with a valid identity that says what the test likes, connected to the relay. */
  async hostile(name: string, relay: RigNode): Promise<HostileNode> {
    const identity = await this.identity(name)
    const node = await HostileNode.join(identity, relay)
    this.#open.push(node)
    return node
  }

  async close(): Promise<void> {
    for (const node of [...this.#open].reverse()) await node.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #start(
    name: string,
    kind: 'relay' | 'agent',
    identity: Awaited<ReturnType<NodeRig['identity']>>,
    network: ReturnType<typeof createAgentNode>,
    relayAddresses: readonly string[],
    runner: ProgramRunner | undefined,
    coordinator: Partial<CoordinatorConfig> = {},
  ): Promise<RigNode> {
    const store = await SqliteStore.open(join(this.#folder, name, 'state.sqlite'))
    const blobs = await BlobFiles.open(join(this.#folder, name, 'blobs'))
    const events: PeerEvent[] = []
    const host = new NodeHost({
      peer: makePeer(kind, {
        self: identity.peerId,
        version: 'test',
        relays: kind === 'relay' ? [] : ['relay'],
        seed: 1,
        sha256: identity.crypto.sha256,
        coordinator,
      }),
      networkId: testNetworkId,
      network,
      crypto: identity.crypto,
      store,
      blobs,
      log: () => {},
      admits: kind === 'relay',
      dialRelay: () => network.dial({ addresses: relayAddresses }),
      onEvent: (event) => events.push(event),
      failed: (error) => {
        throw error
      },
      ...(runner === undefined ? {} : { runner }),
    })
    await host.start()
    let stopped = false
    const node: RigNode = {
      peerId: identity.peerId,
      host,
      blobs,
      events,
      addresses: () => network.addresses(),
      async stop() {
        if (stopped) return
        stopped = true
        await host.stop()
        await store.close()
        await blobs.close()
      },
    }
    this.#open.push(node)
    return node
  }
}

/** Resolves when the condition holds, looked at every few milliseconds; rejects after `ms` with what was awaited. */
export async function until(what: string, condition: () => boolean, ms = 30_000): Promise<void> {
  const end = performance.now() + ms
  while (!condition()) {
    if (performance.now() > end) throw new Error(`${what} did not come about within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
