import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { randomUint32 } from '../shared/host/create-crypto-port.ts'
import type { HostLog } from '../shared/host/host-log.ts'
import { isSignedBySubmitter } from '../shared/host/nested-signatures.ts'
import { NetworkError } from '../shared/host/network.ts'
import { NodeHost } from '../shared/host/node-host.ts'
import { decodeCanonical } from '../shared/kernel/codec.ts'
import type { Hash, JobId, PeerId, TaskId } from '../shared/kernel/ids.ts'
import { invariant } from '../shared/kernel/invariant.ts'
import type { PeerEvent } from '../shared/peer/inputs.ts'
import type { Peer } from '../shared/peer/peer.ts'
import { makePeer } from '../shared/peer/roles.ts'
import { BlobRefusal, type BlobStore, defaultBlobLimits } from '../shared/storage/blob-store.ts'
import type { Store } from '../shared/storage/store.ts'
import { finishedKey, finishedPrefix } from '../shared/task/coordinator-rows.ts'
import type { Admittance, FinishedTask, Submission } from '../shared/task/messages.ts'
import { LiveSettings } from './config/live-settings.ts'
import type { RelaySettings } from './config/settings.ts'
import { coordinatorConfig } from './config/task-settings.ts'
import { openDataFolder, StartError } from './data-folder.ts'
import { openSeat } from './fleet/open-seat.ts'
import { RelayFleet } from './fleet/relay-fleet.ts'
import { type Genesis, networkIdOf } from './genesis.ts'
import type { RelayApi, RelayNews, RelayStatus } from './http/relay-api.ts'
import { type HttpServer, startHttpServer } from './http/server.ts'
import { noRoom } from './http/submissions.ts'
import { loadOrCreateIdentity, type NodeIdentity } from './keys/identity.ts'
import { createRelayNode, type RelayNode, type RelayPorts } from './net/relay-node.ts'
import { jsonLog } from './ops/log.ts'
import type { Running } from './ops/run-until-signal.ts'
import { TaskArchive } from './storage/archive.ts'
import { BlobFiles } from './storage/blob-files.ts'
import { dayMs, keepRetention } from './storage/blob-retention.ts'
import { writeFileDurably } from './storage/files.ts'
import { StorageMetrics } from './storage/metered-store.ts'
import { version } from './version.ts'

export interface RelayOptions {
  readonly settings: RelaySettings
  /** The relay's data folder. */
  readonly folder: string
  /** Called when the store failed: the process must end with code 1. */
  readonly failed: (error: unknown) => void
  /** Reads the settings again, from where they were read first. */
  readonly loadAgain?: () => Promise<RelaySettings>
}

export interface RunningRelay extends Running {
  readonly url: string
  readonly networkId: Hash
  readonly peerId: PeerId
}

/** Peers come anew before their old connection is known to be lost. */
const connectionsPerPeer = 2
const pageFolder = fileURLToPath(new URL('../dist/web', import.meta.url))

/** Starts a relay: identity, genesis, store, network, HTTP. Rejects with a StartError that says what to do. */
export async function runRelay({ settings, folder, failed, loadAgain }: RelayOptions): Promise<RunningRelay> {
  const log = jsonLog('relay', settings.log)
  await openDataFolder(folder)
  const identity = await loadOrCreateIdentity({
    dir: folder,
    passphrase: process.env['TABMESH_PASSPHRASE'],
    log,
  })
  const metrics = new StorageMetrics()
  const seat = await openSeat({ settings, folder, self: identity.peerId, log, metrics, lost: failed })
  const { genesis, store } = seat
  const networkId = networkIdOf(genesis)
  const files = await BlobFiles.open(join(folder, 'blobs'), {
    ...defaultBlobLimits,
    totalBytesMax: settings.blobs.totalBytesMax,
  })
  const archive = new TaskArchive({ store, folder: join(folder, 'archive'), log })
  const network = await relayNetwork(identity, networkId, settings, folder)
  const listeners = new Set<(news: RelayNews) => void>()
  const peer = relayPeer(identity, genesis, settings)
  const fleet: RelayFleet = new RelayFleet({
    seat,
    blobs: files,
    sharedBytesMax: settings.fleet.blobBytesMax,
    self: identity.peerId,
    adopt: (rows) => host.adopt(rows),
    awaits: (...asked) => peer.children.coordinator!.awaits(...asked),
    log,
    failed,
  })
  const { blobs } = fleet
  const host: NodeHost = new NodeHost({
    peer,
    networkId,
    network,
    crypto: identity.crypto,
    store,
    blobs,
    log,
    admits: true,
    dialRelay: () => Promise.reject(new NetworkError('DialFailed', 'a relay has no relays')),
    onEvent: (event) => {
      noteEvent(event, host, log)
      if (isNews(event)) for (const listener of listeners) listener(event)
    },
    archive: (keys) => archive.keep(keys),
    savedAt: store.savedAt,
    ...fleet.hostParts,
    failed,
  })
  const api = relayApi({
    host,
    network,
    identity,
    networkId,
    store,
    blobs,
    fleet,
    listeners,
    admins: new Set([identity.peerId, ...genesis.adminKeys]),
    ...{ policy: genesis.policy, storeKind: settings.storage.kind },
  })
  const http = await startParts(host, network, folder, api, { settings, metrics, fleet }, log)
  await fleet.start({ url: settings.publicUrl ?? http.url, multiaddrs: network.addresses() })
  const live = new LiveSettings('relay', settings, loadAgain ?? (async () => settings), log)
  const endRetention = keepRetention(blobs, log, () => live.now.blobs.retentionDays * dayMs)
  log('info', `Agent started successfully: ${identity.peerId}`)
  return {
    url: http.url,
    networkId,
    peerId: identity.peerId,
    drainMs: () => live.now.drainSeconds * 1_000,
    reload: () =>
      live.reload({
        log: log.setLevel,
        'blobs.totalBytesMax': (bytes) => files.limitTo(bytes),
        'blobs.retentionDays': () => undefined,
        drainSeconds: () => undefined,
      }),
    async stop() {
      endRetention()
      await fleet.stop()
      await endRequests(http, live.now.drainSeconds, log)
      await host.stop()
      await archive.close()
      await store.close()
      await blobs.close()
      log('info', 'Agent shutdown complete')
    },
  }
}

function relayPeer(identity: NodeIdentity, genesis: Genesis, settings: RelaySettings): Peer {
  return makePeer('relay', {
    self: identity.peerId,
    version,
    relays: [],
    seed: randomUint32(identity.crypto),
    sha256: identity.crypto.sha256,
    admins: genesis.adminKeys,
    coordinator: coordinatorConfig(settings.tasks),
  })
}

/** Tasks that workers run are taken up again by the next start; what is under way here are requests. */
async function endRequests(http: HttpServer, drainSeconds: number, log: HostLog): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      log('warn', `Cut off requests that did not finish within ${drainSeconds} s`)
      resolve()
    }, drainSeconds * 1_000)
  })
  await Promise.race([http.close(), late])
  clearTimeout(timer)
}

async function startParts(
  host: NodeHost,
  network: RelayNode,
  folder: string,
  api: RelayApi,
  parts: { readonly settings: RelaySettings; readonly metrics: StorageMetrics; readonly fleet: RelayFleet },
  log: ReturnType<typeof jsonLog>,
): Promise<HttpServer> {
  const { settings, metrics, fleet } = parts
  const http = await startHttpServer({
    api,
    host: settings.host,
    port: settings.port,
    allowedOrigins: settings.allowOrigin?.split(',') ?? [],
    pageFolder,
    counters: host.counters,
    metrics: metrics.all,
    log,
  })
  try {
    await host.start()
  } catch (error) {
    await fleet.stop()
    await http.close()
    if (!(error instanceof NetworkError)) throw error
    throw new StartError(error.message, 2, error)
  }
  await writeFileDurably(join(folder, 'ports.json'), Buffer.from(JSON.stringify(network.ports())))
  for (const address of network.addresses()) log('info', `Network initialized on ${address}`)
  return http
}

async function relayNetwork(
  identity: NodeIdentity,
  networkId: Hash,
  { host, libp2pPort: tcpPort, maxPeers }: RelaySettings,
  folder: string,
): Promise<RelayNode> {
  const preferred = await lastPorts(folder)
  return createRelayNode({
    privateKey: identity.privateKey,
    networkId,
    listenHost: host,
    connectionsMax: connectionsPerPeer * maxPeers,
    tcpPort,
    wsPort: tcpPort === 0 ? 0 : tcpPort + 1,
    ...(preferred === undefined ? {} : { preferred }),
  })
}

/** The ports got at the last start; a damaged note is only a preference lost. */
async function lastPorts(folder: string): Promise<RelayPorts | undefined> {
  try {
    const { tcp, ws } = JSON.parse(await readFile(join(folder, 'ports.json'), 'utf8')) as Partial<RelayPorts>
    return Number.isInteger(tcp) && Number.isInteger(ws) ? { tcp: tcp!, ws: ws! } : undefined
  } catch {
    return undefined
  }
}

function noteEvent(event: PeerEvent, host: NodeHost, log: ReturnType<typeof jsonLog>): void {
  switch (event.type) {
    case 'taskAccepted':
      return host.counters.add('tasks_submitted_total')
    case 'taskRefused':
      return host.counters.add('tasks_rejected_total', event.code)
    case 'taskAssigned':
      return host.counters.add('tasks_assigned_total')
    case 'taskFinished':
      if (event.finished.status === 'timeout') host.counters.add('tasks_timeout_total')
      return
    case 'verdict':
      if (event.judged === 'agreed') return
      log('warn', `Disagreed with the quorum: ${event.worker}`, { task: event.taskId, judged: event.judged })
      return host.counters.add('disagreements_total', event.judged)
    case 'conduct':
      if (event.reason === 'fraud') {
        log('warn', `Verification fraud detected: ${event.worker}`, { task: event.taskId })
      }
      return host.counters.add('reputation_updates_total', event.reason)
    case 'badAnswer':
      return log('warn', `Contradictory answer from ${event.worker}`, {
        task: event.taskId,
        what: event.what,
      })
    default:
      return
  }
}

const isNews = (event: PeerEvent): event is RelayNews =>
  event.type === 'taskAccepted' || event.type === 'taskFinished' || event.type === 'adopted'

interface ApiParts {
  readonly host: NodeHost
  readonly network: RelayNode
  readonly identity: NodeIdentity
  readonly networkId: Hash
  readonly store: Store
  readonly blobs: BlobStore
  readonly fleet: RelayFleet
  readonly listeners: Set<(news: RelayNews) => void>
  readonly admins: ReadonlySet<PeerId>
  readonly policy: RelayApi['policy']
  readonly storeKind: string
}

function relayApi(parts: ApiParts): RelayApi {
  const { host, network, identity, networkId, store, blobs, fleet, listeners, admins, policy, storeKind } =
    parts
  const startedAt = performance.now()
  return {
    networkId,
    peerId: identity.peerId,
    version,
    policy,
    storeKind,
    blobs,
    fleet,
    multiaddrs: () => network.addresses(),
    isAdmin: (peer) => admins.has(peer),
    unfinishedOf: (jobId) => host.ask((peer) => peer.children.coordinator!.unfinishedOf(jobId)),
    submit: (from, items) => submit(parts, from, items),
    cancel: async (from, taskIds) => {
      host.command({ type: 'coordinator/cancel', from, taskIds })
      await host.ask(() => undefined)
    },
    report: (taskId) => host.ask((peer) => peer.children.coordinator!.report(taskId)),
    finished: async (taskId) => {
      const key = await host.ask((peer) => peer.children.coordinator!.finishedKeyOf(taskId))
      const value = key === undefined ? undefined : await store.get(key)
      return value === undefined ? undefined : readFinished(key!, value)
    },
    finishedOf: async (id, from, limit) => {
      await host.ask(() => undefined)
      const rows = await store.list(finishedPrefix(id), { from: beforeIndex(id, from), limit })
      return rows.map(({ key, value }) => readFinished(key, value))
    },
    job: (id) => host.ask((peer) => peer.children.coordinator!.job(id)),
    jobsOf: (submitter) => host.ask((peer) => peer.children.coordinator!.jobsOf(submitter)),
    status: () => status(host, startedAt),
    onNews: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** Admits what is signed by its submitter; the rest is refused one by one. Throws an ElsewhereError. */
async function submit(
  { host, identity, networkId, fleet }: ApiParts,
  from: PeerId,
  items: readonly Submission[],
): Promise<readonly Admittance[]> {
  const signed = await Promise.all(items.map((item) => isSignedBySubmitter(item, networkId, identity.crypto)))
  const right = items.filter((_, at) => signed[at])
  await takeIn(fleet, right)
  const admitted = await host.submit(from, right)
  let next = 0
  return items.map((item, at): Admittance => {
    if (signed[at]) return admitted[next++]!
    const message = `task ${item.task.taskId} is not signed by its submitter`
    return { taskId: item.task.taskId, accepted: false, code: 'BadSignature', message }
  })
}

async function takeIn(fleet: RelayFleet, items: readonly Submission[]): Promise<void> {
  try {
    await fleet.takeIn(items)
  } catch (error) {
    throw error instanceof BlobRefusal ? noRoom(error) : error
  }
}

/** A key just before the row of the first item with that index. */
const beforeIndex = (id: JobId | TaskId, from: number): string => finishedKey(id, from, '')

function readFinished(key: string, value: Uint8Array): FinishedTask {
  const row = decodeCanonical(value)
  invariant(typeof row === 'object' && row !== null && 'task' in row, `the stored row ${key} is not readable`)
  return row as FinishedTask
}

async function status(host: NodeHost, startedAt: number): Promise<RelayStatus> {
  return await host.ask((peer) => {
    const { membership, coordinator } = peer.children
    const counts = coordinator!.counts()
    const kinds = { tab: 0, agent: 0, relay: 0 }
    const operators = new Set<string>()
    for (const member of membership.all()) {
      if (member.kind !== undefined) kinds[member.kind]++
      if (member.slots > 0) operators.add(member.admission?.operator ?? 'unknown')
    }
    return {
      uptimeSeconds: Math.floor((performance.now() - startedAt) / 1_000),
      peers: { total: membership.size, tabs: kinds.tab, agents: kinds.agent, relays: kinds.relay },
      workers: { ...counts.workers, operators: operators.size },
      tasks: counts.tasks,
      queue: counts.queue,
      disagreements: counts.disagreements,
    }
  })
}
