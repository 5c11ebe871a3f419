import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { randomUint32 } from '../../shared/host/create-crypto-port.ts'
import { NodeHost } from '../../shared/host/node-host.ts'
import { RelayDirectory, refreshMs } from '../../shared/host/relay-directory.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'
import { makePeer } from '../../shared/peer/roles.ts'
import type { ProgramRunner } from '../../shared/runtime/program-runner.ts'
import { defaultBlobLimits } from '../../shared/storage/blob-store.ts'
import { LiveSettings } from '../config/live-settings.ts'
import type { AgentSettings } from '../config/settings.ts'
import { openDataFolder } from '../data-folder.ts'
import { loadOrCreateIdentity } from '../keys/identity.ts'
import { createAgentNode } from '../net/agent-node.ts'
import { jsonLog } from '../ops/log.ts'
import type { Running } from '../ops/run-until-signal.ts'
import { BlobFiles } from '../storage/blob-files.ts'
import { StorageMetrics } from '../storage/metered-store.ts'
import { openStore } from '../storage/open-store.ts'
import { version } from '../version.ts'
import { drain } from './drain.ts'
import { KnownRelays } from './known-relays.ts'
import { createProgramPool } from './program-pool.ts'

export interface AgentOptions {
  readonly settings: AgentSettings
  /** The agent's data folder; several agents of one machine have one each, and its name is theirs. */
  readonly folder: string
  /** Another sandbox, as a test that lies needs it. */
  readonly runner?: ProgramRunner
  readonly failed: (error: unknown) => void
  /** Reads the settings again, from where they were read first. */
  readonly loadAgain?: () => Promise<AgentSettings>
}

export interface RunningAgent extends Running {
  readonly peerId: PeerId
  /** Resolves when a relay has taken this worker in. */
  readonly joined: Promise<void>
}

/** Starts a headless worker: identity, sandbox, network; rejects with an error that says what to do. */
export async function runAgent(options: AgentOptions): Promise<RunningAgent> {
  const { settings, folder } = options
  const log = jsonLog(basename(folder), settings.log)
  await openDataFolder(folder)
  const identity = await loadOrCreateIdentity({
    dir: folder,
    passphrase: process.env['TABMESH_PASSPHRASE'],
    log,
  })
  const known = new KnownRelays(folder)
  const { networkId, relays } = await known.firstInfo(settings.relay, (reason, seconds) =>
    log('warn', `${reason}; trying again for up to ${seconds} s`),
  )
  const slots = settings.slots ?? Math.max(1, Math.floor(availableParallelism() / 2))
  const store = await openStore({
    settings: settings.storage,
    folder,
    owner: identity.peerId,
    log,
    metrics: new StorageMetrics(),
    lost: options.failed,
  })
  // A cache: what this agent needs it can fetch again.
  const blobs = await BlobFiles.open(join(folder, 'blobs'), {
    ...defaultBlobLimits,
    totalBytesMax: settings.blobs.totalBytesMax,
    evicts: true,
  })
  const runner = options.runner ?? (await createProgramPool({ slots }))
  const network = createAgentNode({ privateKey: identity.privateKey, networkId })
  const { promise: joined, resolve: markJoined } = Promise.withResolvers<void>()
  const directory = new RelayDirectory({
    networkId,
    named: (named) => {
      void known.remember(named)
      host.command({ type: 'topology/relaysNamed', relays: named })
    },
  })
  const host = new NodeHost({
    peer: makePeer('agent', {
      self: identity.peerId,
      version,
      relays: [settings.relay],
      seed: randomUint32(identity.crypto),
      sha256: identity.crypto.sha256,
    }),
    networkId,
    network,
    crypto: identity.crypto,
    store,
    blobs,
    log,
    runner,
    admits: false,
    dialRelay: async (relay) => {
      const { multiaddrs } = await directory.ask(relay)
      return await network.dial({ addresses: multiaddrs.filter((address) => !address.includes('/ws')) })
    },
    onEvent: (event) => {
      if (event.type === 'memberJoined' && event.kind === 'relay') markJoined()
    },
    savedAt: store.savedAt,
    failed: options.failed,
  })
  await host.start()
  host.command({
    type: 'topology/relaysNamed',
    relays: [...new Set([...relays, ...(await known.remembered())])],
  })
  host.command({ type: 'worker/lend', slots })
  const refreshing = setInterval(() => void directory.refresh(), refreshMs)
  log('info', `Agent started successfully: ${identity.peerId}`)
  const live = new LiveSettings('agent', settings, options.loadAgain ?? (async () => settings), log)
  const drainMs = (): number => live.now.drainSeconds * 1_000
  return {
    peerId: identity.peerId,
    joined,
    drainMs,
    reload: () =>
      live.reload({
        log: log.setLevel,
        'blobs.totalBytesMax': (bytes) => blobs.limitTo(bytes),
        drainSeconds: () => undefined,
      }),
    async stop() {
      clearInterval(refreshing)
      await drain(host, log, drainMs())
      await host.stop()
      await runner.close()
      await store.close()
      await blobs.close()
      log('info', 'Agent shutdown complete')
    },
  }
}
