import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeSha256 } from '../../../../relay/keys/node-sha256.ts'
import { SqliteStore } from '../../../../relay/storage/sqlite-store.ts'
import { Run } from '../../../../shared/host/run.ts'
import type { Hash, PeerId, TaskId } from '../../../../shared/kernel/ids.ts'
import type { PeerEffect } from '../../../../shared/peer/inputs.ts'
import { makePeer } from '../../../../shared/peer/roles.ts'
import { commitmentHash, outcomeHash, taskDigest } from '../../../../shared/task/digest.ts'
import type { Answer, Assign, Submission } from '../../../../shared/task/messages.ts'
import type { Outcome } from '../../../../shared/task/task.ts'
import { hashOf, inline, makeTask, peerId } from '../../../support/task-fixtures.ts'
import type { Answers } from './answers.ts'

export interface QueueGiven {
  readonly folder: string
  /** Tasks that wait while others are worked on. */
  readonly level: number
}

/** SEC-08: items of a batch. */
const batch = 256
const capacity = 256
const submitter = peerId(1)
const workers = [peerId(2), peerId(3), peerId(4)]
/** Above any level: the limits on what may wait are not what is measured. */
const tasksMax = 1_000_000

/** What every worker answers: as nothing is run, it takes no time. */
const output = 'null'
const outcome: Outcome = { kind: 'ok', outputHash: hashOf(output) }
const salt = new Uint8Array(32).fill(7)

/**
 * A relay's coordinator with its run loop, codec and SQLite, and no network: nothing is signed or sent, and workers answer
 * at once.
 */
export async function queueRole({ folder, level }: QueueGiven): Promise<Answers> {
  const path = join(folder, `queue-${level}`)
  const store = await SqliteStore.open(join(path, 'state.sqlite'))
  const queue = new FullQueue(store, level)
  await queue.fill()
  return {
    work: ({ tasks }: { readonly tasks: number }): Promise<number> => queue.work(tasks),
    stop: async () => {
      await queue.stop()
      await store.close()
      await rm(path, { recursive: true, force: true })
    },
  }
}

class FullQueue {
  readonly #run: Run
  readonly #digests = new Map<TaskId, Hash>()
  readonly #outcomeHash = outcomeHash(outcome, nodeSha256)
  readonly #commitment = {
    hash: commitmentHash(salt, outcomeHash(outcome, nodeSha256), nodeSha256),
    salt,
    signature: new Uint8Array(64),
  }
  readonly #level: number
  /** Tasks submitted at one time. */
  readonly #portion: number
  #made = 0
  #submitted = 0
  #accepted = 0
  #finished = 0
  #replacing = false
  #failure: unknown
  #changed: () => void = () => {}

  constructor(store: SqliteStore, level: number) {
    this.#level = level
    this.#portion = Math.min(batch, Math.ceil(level / 4))
    const limits = { queueMax: tasksMax, tasksMax, finishedMax: tasksMax }
    const peer = makePeer('relay', {
      self: peerId(5),
      version: 'bench',
      relays: [],
      seed: 1,
      sha256: nodeSha256,
      coordinator: limits,
    })
    this.#run = new Run({
      peer,
      store,
      clock: Date.now,
      perform: (effect) => this.#perform(effect),
      failed: (error) => {
        this.#failure = error
        this.#changed()
      },
    })
    for (const worker of [submitter, ...workers])
      this.#run.post({ kind: 'peerUp', peer: worker, direct: true, admission: null })
  }

  async fill(): Promise<void> {
    while (this.#missing > 0) {
      this.#submit(Math.min(batch, this.#missing))
      await this.#until(() => this.#accepted === this.#submitted)
    }
  }

  /** For each task that ends another is submitted, so that as many wait as before. Resolves with the tasks that ended. */
  async work(tasks: number): Promise<number> {
    await this.fill()
    const before = this.#finished
    this.#replacing = true
    this.#offer(capacity)
    await this.#until(() => this.#finished - before >= tasks)
    this.#replacing = false
    this.#offer(0)
    await this.#run.ask(() => undefined)
    return this.#finished - before
  }

  get #missing(): number {
    return this.#level + this.#finished - this.#submitted
  }

  async stop(): Promise<void> {
    await this.#run.stop()
  }

  #submit(count: number): void {
    const items: Submission[] = []
    for (let i = 0; i < count; i++) {
      const n = ++this.#made
      const item = makeTask(n, { submitter, input: inline(`input ${n}`) })
      this.#digests.set(item.task.taskId, taskDigest(item.task, nodeSha256))
      items.push(item)
    }
    this.#submitted += count
    const requestId = this.#made
    this.#run.post({
      kind: 'command',
      command: { type: 'coordinator/submit', requestId, from: submitter, items },
    })
  }

  #offer(room: number): void {
    for (const from of workers) {
      const message = { type: 'task/offer', slots: 1, capacity: room, holding: [] } as const
      this.#run.post({ kind: 'message', from, message })
    }
  }

  #perform(effect: Exclude<PeerEffect, { kind: 'save' | 'timer' }>): void {
    if (effect.kind === 'ask' && effect.ask.type === 'admittances') {
      const refused = effect.ask.items.find(({ accepted }) => !accepted)
      if (refused !== undefined) this.#failure = new Error(`not accepted: ${JSON.stringify(refused)}`)
      this.#accepted += effect.ask.items.length
      this.#changed()
    } else if (effect.kind === 'send' && effect.message.type === 'task/assign') {
      this.#answer(effect.to, effect.message)
    } else if (effect.kind === 'event' && effect.event.type === 'taskFinished') {
      this.#end(effect.event.finished.task.taskId)
    }
  }

  #answer(from: PeerId, { items: assignments }: Assign): void {
    const items = assignments.map(
      ({ taskId, epoch, attempt }): Answer => ({
        ...{ taskId, epoch, attempt, taskDigest: this.#digests.get(taskId)! },
        ...{ outcome, outcomeHash: this.#outcomeHash, at: '2030-01-01T00:00:00.000Z' },
        ...{ output: inline(output), error: null, durationMs: 0, commitment: this.#commitment },
      }),
    )
    const signature = new Uint8Array(64)
    setImmediate(() =>
      this.#run.post({ kind: 'message', from, message: { type: 'task/answers', items, signature } }),
    )
  }

  #end(taskId: TaskId): void {
    this.#digests.delete(taskId)
    this.#finished++
    if (this.#replacing && this.#missing >= this.#portion) this.#submit(this.#missing)
    this.#changed()
  }

  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      if (condition()) return
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
  }
}
