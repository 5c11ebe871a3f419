import type { JsonValue } from '../../shared/client/item-splitter.ts'
import type { MapOptions } from '../../shared/client/map-run.ts'
import { describeVerdict } from '../../shared/client/receipt-verdict.ts'
import type { TabmeshClient } from '../../shared/client/tabmesh-client.ts'
import type { TaskOptions } from '../../shared/client/task-options.ts'
import { readReceiptText, verifyReceipt } from '../../shared/client/verify-receipt.ts'
import { randomUint32 } from '../../shared/host/create-crypto-port.ts'
import type { HostLog } from '../../shared/host/host-log.ts'
import { type Network, NetworkError } from '../../shared/host/network.ts'
import { fetchNetworkInfo } from '../../shared/host/network-info.ts'
import { NodeHost } from '../../shared/host/node-host.ts'
import { RelayDirectory, refreshMs } from '../../shared/host/relay-directory.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import type { PeerEvent } from '../../shared/peer/inputs.ts'
import type { Peer } from '../../shared/peer/peer.ts'
import { makePeer } from '../../shared/peer/roles.ts'
import { loadOrCreateIdentity, type TabIdentity } from '../identity/identity.ts'
import { BlobIdb } from '../storage/blob-idb.ts'
import { IndexedDbStore } from '../storage/indexeddb-store.ts'
import type { JobCounts } from '../storage/job-database.ts'
import type { JobSummary } from '../storage/job-summary.ts'
import { Contribution } from './contribution.ts'
import type { ContributionSettings } from './contribution-settings.ts'
import { Downloads } from './downloads.ts'
import type { Job } from './job.ts'
import { Jobs } from './jobs.ts'
import {
  hasJobs,
  rememberedNetwork,
  rememberedRelays,
  rememberJobs,
  rememberNetwork,
  rememberRelays,
} from './known-network.ts'
import { LazyRunner } from './lazy-runner.ts'
import { createTabNode } from './libp2p-tab.ts'
import type { PageJobs } from './page-jobs.ts'
import type { RunState, TabState } from './tab-state.ts'
import { createTabTimers } from './worker-timers.ts'

export interface TabNodeInit {
  /** Where the page came from, and its relay is: `https://relay.example`. */
  readonly origin: string
  readonly profile: string
  readonly version: string
  readonly log: HostLog
}

/** A running node of a browser profile. */
export interface TabNode {
  readonly peerId: PeerId
  state(): TabState
  /** Calls back after the state changed, some times a second at most; returns the unsubscription. */
  onChange(listener: () => void): () => void
  contribute(settings: Partial<ContributionSettings>): void
  /** Runs a program on every input. Throws a JobError when it cannot be submitted at all. */
  map(program: Uint8Array, inputs: readonly JsonValue[], options: MapOptions): Job
  /** As `map`, of a job that outlives the page: it is kept with its results, under a name for the visitor. */
  run(name: string, program: Uint8Array, inputs: readonly JsonValue[], options: TaskOptions): Promise<Job>
  /** Fetches what `run` needs, which is not part of the page's first load. */
  fetchJobCode(): Promise<void>
  /** Such jobs, the latest first. */
  pastJobs(): Promise<readonly JobSummary[]>
  /** Gives the results that are kept, and goes on with what has not ended. */
  goOn(job: JobSummary): Promise<Job>
  /** All of it was given out, or it was cancelled. */
  jobEnded(jobId: string, counts: JobCounts): Promise<void>
  /** The interface of the client library, with this node behind it. */
  client(): Promise<TabmeshClient>
  /** Checks the text of a receipt with nothing but itself. */
  verifyReceipt(text: string): Promise<ReceiptCheck>
  stop(): Promise<void>
}

export interface ReceiptCheck {
  readonly isValid: boolean
  /** One line for people. */
  readonly summary: string
}

/**
 * Starts the profile's node. While the relay is away a profile that was in its network before starts all the same, and
 * joins when the relay is back. Rejects with an IdentityError, a StorageError, or a NetworkError when nothing is known.
 */
export async function startTabNode(init: TabNodeInit): Promise<TabNode> {
  const { profile, log } = init
  const identity = await loadOrCreateIdentity({ profile, log })
  const networkId = await networkOf(init)
  const [store, blobs] = await Promise.all([IndexedDbStore.open(profile), BlobIdb.open(profile)])
  const node = new RunningTab(init, identity, networkId, store, blobs)
  await node.start()
  log('info', `Agent started successfully: ${identity.peerId}`)
  return node
}

async function networkOf({ origin, profile, log }: TabNodeInit): Promise<Hash> {
  try {
    const { networkId } = await fetchNetworkInfo(origin)
    rememberNetwork(profile, networkId)
    return networkId
  } catch (error) {
    const remembered = rememberedNetwork(profile)
    if (remembered === undefined) throw error
    log('warn', error instanceof Error ? error.message : String(error))
    return remembered
  }
}

/** Changes are told at most this often, in ms. */
const tellMs = 100

class RunningTab implements TabNode {
  readonly peerId: PeerId
  readonly #init: TabNodeInit
  readonly #identity: TabIdentity
  readonly #networkId: Hash
  readonly #store: IndexedDbStore
  readonly #blobs: BlobIdb
  readonly #peer: Peer
  readonly #network: Network
  readonly #directory: RelayDirectory
  readonly #host: NodeHost
  readonly #contribution: Contribution
  readonly #jobs: Jobs
  readonly #downloads: Downloads
  readonly #timers = createTabTimers()
  readonly #runs = new Map<number, RunState>()
  readonly #listeners = new Set<() => void>()
  readonly #counts = { answered: 0, handedBack: 0, results: 0 }
  #client: Promise<TabmeshClient> | undefined
  #kept: Promise<PageJobs> | undefined
  #relayFailures = 0
  #isOtherNetwork = false
  #ended: string | undefined
  #telling = false
  #refreshing: ReturnType<typeof setInterval> | undefined

  constructor(
    init: TabNodeInit,
    identity: TabIdentity,
    networkId: Hash,
    store: IndexedDbStore,
    blobs: BlobIdb,
  ) {
    const { crypto, peerId, privateKey } = identity
    const changed = (): void => this.#changed()
    this.peerId = peerId
    this.#init = init
    this.#identity = identity
    this.#networkId = networkId
    this.#store = store
    this.#blobs = blobs
    this.#network = createTabNode({ privateKey, networkId })
    this.#peer = makePeer('tab', {
      self: peerId,
      version: init.version,
      relays: [init.origin],
      seed: randomUint32(crypto),
      sha256: crypto.sha256,
      keepsEnds: true,
    })
    this.#downloads = new Downloads({
      wantedAs: (hash) => this.#peer.children.worker?.useOf(hash),
      onnxBytes: import.meta.env.TABMESH_ONNX_BYTES,
      changed,
    })
    const runner = new LazyRunner((slots) => createRunner(slots, this.#downloads))
    this.#host = this.#makeHost(runner)
    this.#directory = new RelayDirectory({
      networkId,
      named: (relays) => {
        rememberRelays(init.profile, relays)
        this.#host.command({ type: 'topology/relaysNamed', relays })
      },
    })
    this.#host.onBlobProgress((progress) => this.#downloads.blob(progress))
    this.#jobs = new Jobs({
      networkId,
      crypto,
      blobs,
      changed,
      command: (command) => this.#host.command(command),
    })
    this.#contribution = new Contribution({
      profile: init.profile,
      runner,
      changed,
      lend: (slots) => this.#host.command({ type: 'worker/lend', slots }),
    })
  }

  async start(): Promise<void> {
    await this.#host.start()
    this.#host.command({ type: 'topology/relaysNamed', relays: rememberedRelays(this.#init.profile) })
    this.#refreshing = setInterval(() => void this.#directory.refresh(), refreshMs)
    this.#contribution.start()
    document.addEventListener('freeze', () => this.#sayGoodbye())
  }

  state(): TabState {
    const members = [...this.#peer.children.membership.all()]
    const { counters } = this.#host
    return {
      peerId: this.peerId,
      networkId: this.#networkId,
      version: this.#init.version,
      profile: this.#init.profile,
      node: this.#peer.children.membership.state,
      relay: {
        isUp: members.some(({ kind }) => kind === 'relay'),
        failures: this.#relayFailures,
        isOtherNetwork: this.#isOtherNetwork,
      },
      members: members.map(({ peer, kind, direct, slots, running, since, heardAt }) => ({
        peer,
        kind,
        direct,
        slots,
        running,
        since,
        heardAt,
      })),
      contribution: this.#contribution.state,
      runs: [...this.#runs.values()],
      downloads: this.#downloads.all,
      counters: {
        messagesReceived: counters.total('messages_received_total'),
        messagesRejected: counters.total('messages_rejected_total'),
        ...this.#counts,
      },
      missingWorkers: this.#jobs.missingWorkers,
      ended: this.#ended,
    }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  contribute(settings: Partial<ContributionSettings>): void {
    if (this.#ended === undefined) this.#contribution.change(settings)
  }

  map(program: Uint8Array, inputs: readonly JsonValue[], options: MapOptions): Job {
    return this.#jobs.map(program, inputs, options)
  }

  async run(
    name: string,
    program: Uint8Array,
    inputs: readonly JsonValue[],
    options: TaskOptions,
  ): Promise<Job> {
    rememberJobs(this.#init.profile)
    return await (await this.#pageJobs()).run(name, program, inputs, options)
  }

  async fetchJobCode(): Promise<void> {
    await this.#loadPageJobs()
  }

  async pastJobs(): Promise<readonly JobSummary[]> {
    // Most pages have none, and need no code for them.
    if (hasJobs(this.#init.profile)) return await (await this.#pageJobs()).all()
    this.#jobs.dropOthers(new Set(), this.#onDisk())
    return []
  }

  async goOn(job: JobSummary): Promise<Job> {
    return await (await this.#pageJobs()).goOn(job)
  }

  async jobEnded(jobId: string, counts: JobCounts): Promise<void> {
    await (await this.#pageJobs()).ended(jobId, counts)
  }

  /** What the submitter has there. */
  #onDisk() {
    const submitter = this.#peer.children.submitter!
    return { open: submitter.submissions(), ended: submitter.ended() }
  }

  async #pageJobs(): Promise<PageJobs> {
    const { PageJobs: Kept } = await this.#loadPageJobs()
    this.#kept ??= Kept.open({
      jobs: this.#jobs,
      crypto: this.#identity.crypto,
      networkId: this.#networkId,
      profile: this.#init.profile,
      onDisk: () => this.#onDisk(),
    })
    return await this.#kept
  }

  async #loadPageJobs() {
    try {
      return await import('./page-jobs.ts')
    } catch (error) {
      const message =
        'The relay is away, and this page has not all of its code yet: try again when it is back'
      throw new NetworkError('DialFailed', message, error)
    }
  }

  /** Its code is fetched only now. */
  client(): Promise<TabmeshClient> {
    this.#client ??= import('./node-client.ts').then(
      ({ NodeClient }) =>
        new NodeClient({
          jobs: this.#jobs,
          crypto: this.#identity.crypto,
          networkId: this.#networkId,
          origin: this.#init.origin,
        }),
    )
    return this.#client
  }

  async verifyReceipt(text: string): Promise<ReceiptCheck> {
    const receipt = readReceiptText(text)
    if (receipt instanceof Refusal) return { isValid: false, summary: `invalid: ${receipt.message}` }
    const verdict = await verifyReceipt(receipt, { crypto: this.#identity.crypto })
    return { isValid: verdict.valid, summary: describeVerdict(verdict) }
  }

  async stop(): Promise<void> {
    clearInterval(this.#refreshing)
    this.#contribution.stop()
    await this.#host.stop()
    this.#timers.stop()
    await Promise.all([this.#store.close(), this.#blobs.close(), this.#kept?.then((jobs) => jobs.close())])
  }

  /**
   * A frozen page looks alive to everyone and does nothing, and it has no time left to sign that it hands its work
   * back: ending the links tells the same at once. They are made anew when it wakes.
   */
  #sayGoodbye(): void {
    for (const { peer } of this.#peer.children.membership.all()) void this.#network.hangUp(peer)
  }

  #makeHost(runner: LazyRunner): NodeHost {
    return new NodeHost({
      peer: this.#peer,
      networkId: this.#networkId,
      network: this.#network,
      crypto: this.#identity.crypto,
      store: this.#store,
      blobs: this.#blobs,
      log: this.#init.log,
      runner,
      timers: this.#timers,
      admits: false,
      dialRelay: (relay) => this.#dialRelay(relay),
      onEvent: (event) => this.#noticed(event),
      failed: (error) => this.#failed(error),
    })
  }

  /** Asks what the relay's addresses are now: after a restart they may be others. */
  async #dialRelay(relay: string): Promise<PeerId> {
    try {
      const info = await this.#directory.ask(relay)
      if (relay === this.#init.origin) this.#isOtherNetwork = false
      return await this.#network.dial({ peer: info.peerId, addresses: info.multiaddrs })
    } catch (error) {
      const isOther = error instanceof NetworkError && error.code === 'OtherNetwork'
      if (!isOther || relay !== this.#init.origin) throw error
      this.#isOtherNetwork = true
      this.#changed()
      const message = `The relay at ${relay} runs another network now; reload the page to join it`
      throw new NetworkError('OtherNetwork', message, error)
    }
  }

  #noticed(event: PeerEvent): void {
    switch (event.type) {
      case 'memberJoined':
        if (event.kind === 'relay') this.#relayFailures = 0
        break
      case 'relayUnreachable':
        this.#relayFailures = event.failures
        break
      case 'runStarted': {
        const { runId, taskId, submitter } = event
        this.#runs.set(runId, { runId, taskId, submitter, startedAt: Date.now() })
        break
      }
      case 'runEnded':
        this.#runs.delete(event.runId)
        this.#counts[event.answered ? 'answered' : 'handedBack']++
        break
      case 'resultReceived':
        this.#counts.results++
        this.#jobs.handle(event)
        break
      case 'submissionAccepted':
      case 'submissionRefused':
      case 'workersMissing':
        this.#jobs.handle(event)
        break
      default:
        break
    }
    this.#changed()
  }

  /** A tab that cannot keep its state stays on the screen and does nothing more. */
  #failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    this.#init.log('error', 'The node stopped', { error: message })
    this.#ended = message
    clearInterval(this.#refreshing)
    this.#contribution.stop()
    void this.#network.stop()
    this.#changed()
  }

  #changed(): void {
    if (this.#telling) return
    this.#telling = true
    setTimeout(() => {
      this.#telling = false
      for (const listener of this.#listeners) listener()
    }, tellMs)
  }
}

/** The engine and its frames are fetched only now. */
async function createRunner(slots: number, downloads: Downloads) {
  const { createFrameRunner } = await import('../sandbox/frame-runner.ts')
  return await createFrameRunner({ slots, onDownload: (download) => downloads.engine(download) })
}
