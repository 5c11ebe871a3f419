import type { FleetView, RelayApi, RelayNews, RelayStatus } from '../../../relay/http/relay-api.ts'
import { OpenPolicy } from '../../../shared/access/open-policy.ts'
import type { Counters } from '../../../shared/host/counters.ts'
import type { CryptoPort } from '../../../shared/host/crypto-port.ts'
import { toHex } from '../../../shared/kernel/bytes.ts'
import type { Hash, Instant, JobId, PeerId, TaskId } from '../../../shared/kernel/ids.ts'
import { Outbox } from '../../../shared/kernel/machine.ts'
import { Random } from '../../../shared/kernel/random.ts'
import { Coordinator } from '../../../shared/task/coordinator.ts'
import {
  type CoordinatorAsk,
  type CoordinatorConfig,
  type CoordinatorEvent,
  type CoordinatorInput,
  defaultCoordinatorConfig,
  type TaskReport,
} from '../../../shared/task/coordinator-ports.ts'
import { finishedPrefix } from '../../../shared/task/coordinator-rows.ts'
import {
  admissionSigningBytes,
  commitmentHash,
  commitmentSigningBytes,
  outcomeHash,
  taskDigest,
  taskSigningBytes,
} from '../../../shared/task/digest.ts'
import type {
  Admission,
  Admittance,
  Answer,
  Assign,
  Assignment,
  FinishedTask,
  Submission,
  ToSubmitter,
  ToWorker,
} from '../../../shared/task/messages.ts'
import { inlineBytesMax, type Payload } from '../../../shared/task/payload.ts'
import type { GuestError, Outcome } from '../../../shared/task/task.ts'
import { leafHash, treeLevels, votesSigningBytes } from '../../../shared/verification/vote-tree.ts'
import { VoteVerifier } from '../../../shared/verification/vote-verifier.ts'
import { MemoryBlobs } from './memory-blobs.ts'
import { newKey, newKeys, sha256 } from './test-keys.ts'

/** Thrown by a test's program: the guest's own error. */
export class GuestFault extends Error {
  readonly kind: GuestError

  constructor(kind: GuestError, message: string) {
    super(message)
    this.kind = kind
  }
}

export interface LoopbackOptions {
  readonly workers?: number
  /** In place of a sandbox: the program's text, the parsed input, and which worker it is; gives the output, or its bytes. */
  readonly program?: (program: string, input: unknown, worker: number) => unknown
  /** Operators stated of the workers, in order. */
  readonly operators?: readonly (Hash | null)[]
  readonly coordinator?: Partial<CoordinatorConfig>
  readonly networkId?: Hash
  readonly blobs?: MemoryBlobs
  readonly counters?: Counters
  readonly fleet?: FleetView
}

const batchItems = 3
const isNews = (event: CoordinatorEvent): event is RelayNews =>
  ['taskAccepted', 'taskFinished', 'adopted'].includes(event.type)

/** A network in one object: the real coordinator, workers that sign real votes, and a relay's view of it. */
export class LoopbackRelay implements RelayApi {
  readonly networkId: Hash
  readonly version = '0.0.0'
  readonly policy = 'open'
  readonly storeKind = 'redis'
  readonly blobs: MemoryBlobs
  readonly fleet?: FleetView
  /** Why a job, or a task without one, is not taken in here. */
  elsewhere: ((id: string) => Error) | undefined
  /** Calls of `submit`, each with its task ids. */
  readonly submitted: TaskId[][] = []
  readonly workers: readonly CryptoPort[]
  readonly #relay: CryptoPort
  readonly #options: LoopbackOptions
  readonly #rows = new Map<string, unknown>()
  readonly #admissions = new Map<PeerId, Admission | null>()
  readonly #listeners = new Set<(news: RelayNews) => void>()
  readonly #requests = new Map<number, (items: readonly Admittance[]) => void>()
  readonly #pending: { readonly turn: number; readonly answer: () => Promise<void> }[] = []
  #coordinator!: Coordinator
  #offering = 0
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #holding = false
  #draining = false
  #requestId = 0

  private constructor(relay: CryptoPort, workers: readonly CryptoPort[], options: LoopbackOptions) {
    this.#relay = relay
    this.workers = workers
    this.#options = options
    this.networkId = options.networkId ?? (toHex(relay.randomBytes(32)) as Hash)
    this.blobs = options.blobs ?? new MemoryBlobs()
    if (options.fleet !== undefined) this.fleet = options.fleet
  }

  static async start(options: LoopbackOptions = {}): Promise<LoopbackRelay> {
    const relay = new LoopbackRelay(await newKey(), await newKeys(options.workers ?? 3), options)
    for (const [at, worker] of relay.workers.entries())
      await relay.#admit(worker.self, options.operators?.[at])
    relay.restart()
    return relay
  }

  get peerId(): PeerId {
    return this.#relay.self
  }

  /** The relay's own key is its Admin. */
  get adminKey(): CryptoPort {
    return this.#relay
  }

  /** All that is saved, to compare. */
  saved(): string {
    return JSON.stringify([...this.#rows])
  }

  get listeners(): number {
    return this.#listeners.size
  }

  isAdmin(peer: PeerId): boolean {
    return peer === this.peerId
  }

  multiaddrs(): string[] {
    return [`/ip4/127.0.0.1/tcp/9000/p2p/${this.peerId}`]
  }

  /** As after a crash: everything but the saved rows is gone. */
  restart(): void {
    this.#coordinator = new Coordinator({
      config: { ...defaultCoordinatorConfig, ...this.#options.coordinator },
      random: new Random(1),
      sha256,
      standing: new OpenPolicy([this.peerId]),
      reachability: {
        lenders: () => [],
        isUp: () => true,
        admissionOf: (peer) => this.#admissions.get(peer) ?? null,
      },
      verifier: new VoteVerifier(sha256),
    })
    const rows = [...this.#rows].map(([key, value]) => ({ key, value }))
    this.#coordinator.restore(rows)
    this.#coordinator.restored(Date.now() as Instant)
    this.offerAll()
  }

  /** As after the loss of its disk, but for its key and its network. */
  forgetAll(): void {
    this.#rows.clear()
    this.blobs.clear()
    this.restart()
  }

  /** Workers take no more work. */
  withdrawAll(): void {
    for (const { self } of this.workers) {
      this.#handle({
        kind: 'message',
        from: self,
        message: { type: 'task/offer', slots: 1, capacity: 0, holding: [] },
      })
    }
    this.#offering = 0
  }

  offerAll(): void {
    this.#offering = this.workers.length
    for (const { self } of this.workers) {
      this.#handle({
        kind: 'message',
        from: self,
        message: { type: 'task/offer', slots: 1, capacity: 64, holding: [] },
      })
    }
  }

  /** Answers wait until `release`. */
  hold(): void {
    this.#holding = true
  }

  release(): void {
    this.#holding = false
    void this.#drain()
  }

  async submit(from: PeerId, items: readonly Submission[]): Promise<readonly Admittance[]> {
    const [first] = items
    if (this.elsewhere !== undefined && first !== undefined)
      throw this.elsewhere(first.task.jobId ?? first.task.taskId)
    this.submitted.push(items.map((item) => item.task.taskId))
    const verified = await Promise.all(items.map((item) => this.#isSigned(item)))
    const requestId = ++this.#requestId
    const admittances = new Promise<readonly Admittance[]>((resolve) =>
      this.#requests.set(requestId, resolve),
    )
    const good = items.filter((_, at) => verified[at])
    this.#handle({ kind: 'command', command: { type: 'coordinator/submit', requestId, from, items: good } })
    const admitted = [...(await admittances)]
    return items.map(({ task }, at): Admittance => {
      if (verified[at]) return admitted.shift()!
      const message = `the signature of task ${task.taskId} is wrong`
      return { taskId: task.taskId, accepted: false, code: 'BadSignature', message }
    })
  }

  async cancel(from: PeerId, taskIds: readonly TaskId[]): Promise<void> {
    this.#handle({ kind: 'command', command: { type: 'coordinator/cancel', from, taskIds } })
  }

  async report(taskId: TaskId): Promise<TaskReport | undefined> {
    return this.#coordinator.report(taskId)
  }

  async finished(taskId: TaskId): Promise<FinishedTask | undefined> {
    const key = this.#coordinator.finishedKeyOf(taskId)
    return key === undefined ? undefined : (this.#rows.get(key) as FinishedTask)
  }

  async finishedOf(id: JobId | TaskId, from: number, limit: number): Promise<FinishedTask[]> {
    const prefix = finishedPrefix(id)
    const keys = [...this.#rows.keys()].filter((key) => key.startsWith(prefix)).sort()
    const rows = keys.map((key) => this.#rows.get(key) as FinishedTask)
    return rows.filter((row) => row.task.index >= from).slice(0, limit)
  }

  async job(id: JobId) {
    return this.#coordinator.job(id)
  }

  async unfinishedOf(id: JobId): Promise<TaskId[]> {
    const open = [...this.#rows].filter(([key]) => key.startsWith('coordinator/task/'))
    const tasks = open.map(([, row]) => (row as { submission: Submission }).submission.task)
    return tasks.filter((task) => task.jobId === id).map((task) => task.taskId)
  }

  async status(): Promise<RelayStatus> {
    const { tasks, queue, workers, disagreements } = this.#coordinator.counts()
    const peers = { total: this.#offering, tabs: 0, agents: this.#offering, relays: 0 }
    return { uptimeSeconds: 1, peers, workers: { ...workers, operators: 1 }, tasks, queue, disagreements }
  }

  async jobsOf(submitter: PeerId) {
    return this.#coordinator.jobsOf(submitter)
  }

  onFinished(listener: (finished: FinishedTask) => void): () => void {
    return this.onNews((news) => {
      if (news.type === 'taskFinished') listener(news.finished)
    })
  }

  onNews(listener: (news: RelayNews) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #isSigned({ task, signature }: Submission): Promise<boolean> {
    const signed = taskSigningBytes(this.networkId, taskDigest(task, sha256))
    return this.#relay.verify(task.submitter, signed, signature)
  }

  async #admit(peer: PeerId, operator: Hash | null | undefined): Promise<void> {
    if (operator === undefined) return
    const subnetTag = 'ab12'
    const signed = admissionSigningBytes(this.networkId, peer, operator, subnetTag, this.peerId)
    const signature = await this.#relay.sign(signed)
    this.#admissions.set(peer, { operator, subnetTag, relay: this.peerId, signature })
  }

  #handle(input: CoordinatorInput): void {
    const out = new Outbox<ToWorker | ToSubmitter, CoordinatorEvent, CoordinatorAsk>()
    this.#coordinator.handle(input, Date.now() as Instant, out)
    for (const effect of out.take()) {
      if (effect.kind === 'save') {
        if (effect.value === undefined) this.#rows.delete(effect.key)
        else this.#rows.set(effect.key, effect.value)
      } else if (effect.kind === 'timer') {
        this.#setTimer(effect.key, effect.at)
      } else if (effect.kind === 'ask' && effect.ask.type === 'archive') {
        const { keys } = effect.ask
        queueMicrotask(() =>
          this.#handle({ kind: 'command', command: { type: 'coordinator/archived', keys } }),
        )
      } else if (effect.kind === 'ask' && effect.ask.type === 'admittances') {
        this.#requests.get(effect.ask.requestId)?.(effect.ask.items)
        this.#requests.delete(effect.ask.requestId)
      } else if (effect.kind === 'event' && isNews(effect.event)) {
        for (const listener of this.#listeners) listener(effect.event)
      } else if (effect.kind === 'event' && effect.event.type === 'taskRefused') {
        this.#options.counters?.add('tasks_rejected_total', effect.event.code)
      } else if (effect.kind === 'send' && effect.message.type === 'task/assign') {
        this.#assigned(effect.to, effect.message)
      }
    }
  }

  #setTimer(key: string, at: Instant | undefined): void {
    clearTimeout(this.#timers.get(key))
    if (at === undefined) return
    const coordinator = this.#coordinator
    const timer = setTimeout(
      () => {
        if (coordinator === this.#coordinator) this.#handle({ kind: 'timer', key })
      },
      Math.max(0, at - Date.now()),
    )
    timer.unref()
    this.#timers.set(key, timer)
  }

  /** In batches, and taking turns, so that every worker is among the first for some tasks. */
  #assigned(to: PeerId, { items }: Assign): void {
    const at = this.workers.findIndex(({ self }) => self === to)
    for (let start = 0; start < items.length; start += batchItems) {
      const batch = items.slice(start, start + batchItems)
      const turn = (at + start / batchItems) % this.workers.length
      this.#pending.push({ turn, answer: () => this.#answerBatch(this.workers[at]!, batch) })
    }
    if (this.#draining) return
    this.#draining = true
    setImmediate(() => void this.#drain())
  }

  async #drain(): Promise<void> {
    while (!this.#holding && this.#pending.length > 0) {
      const round = this.#pending.splice(0).sort((a, b) => a.turn - b.turn)
      for (const { answer } of round) await answer()
    }
    this.#draining = false
  }

  async #answerBatch(worker: CryptoPort, items: readonly Assignment[]): Promise<void> {
    const coordinator = this.#coordinator
    const answers = await Promise.all(items.map((item) => this.#answer(worker, item)))
    const levels = treeLevels(
      answers.map((each) => leafHash(each, sha256)),
      sha256,
    )
    const root = toHex(levels.at(-1)![0]!) as Hash
    const signature = await worker.sign(votesSigningBytes(this.networkId, root))
    // What was assigned before a restart is lost with it here.
    if (coordinator !== this.#coordinator) return
    const message = { type: 'task/answers', items: answers, signature } as const
    this.#handle({ kind: 'message', from: worker.self, message })
  }

  async #answer(worker: CryptoPort, { task, taskId, epoch, attempt, input }: Assignment): Promise<Answer> {
    const program = new TextDecoder().decode(await this.blobs.get(task.programHash))
    const given = input.kind === 'inline' ? input.bytes : await this.blobs.get(input.hash)
    const digest = taskDigest(task, sha256)
    const { outcome, output, error } = await this.#run(program, new TextDecoder().decode(given), worker)
    const hash = outcomeHash(outcome, sha256)
    const salt = worker.randomBytes(32)
    const commitment = commitmentHash(salt, hash, sha256)
    const signature = await worker.sign(commitmentSigningBytes(this.networkId, digest, commitment))
    return {
      ...{ taskId, epoch, attempt, taskDigest: digest, outcome, outcomeHash: hash, output, error },
      ...{ at: new Date().toISOString(), durationMs: 1, commitment: { hash: commitment, salt, signature } },
    }
  }

  async #run(
    program: string,
    input: string,
    worker: CryptoPort,
  ): Promise<Pick<Answer, 'outcome' | 'output' | 'error'>> {
    try {
      const run = this.#options.program ?? ((_, item) => item)
      const value = run(program, JSON.parse(input), this.workers.indexOf(worker))
      const bytes = value instanceof Uint8Array ? value : new TextEncoder().encode(JSON.stringify(value))
      const outputHash = toHex(sha256(bytes)) as Hash
      const output: Payload =
        bytes.length <= inlineBytesMax
          ? { kind: 'inline', bytes }
          : { kind: 'blob', hash: await this.blobs.put(bytes), sizeBytes: bytes.length }
      return { outcome: { kind: 'ok', outputHash }, output, error: null }
    } catch (error) {
      const kind = error instanceof GuestFault ? error.kind : 'thrown'
      const outcome: Outcome = { kind: 'error', error: kind }
      return { outcome, output: null, error: { message: (error as Error).message, stack: null } }
    }
  }
}
