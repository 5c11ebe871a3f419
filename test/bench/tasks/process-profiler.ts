import type { Profiler } from 'node:inspector'
import { Session } from 'node:inspector'

export interface ThreadProfile {
  /** `main`, or the name of the worker thread. */
  readonly thread: string
  readonly profile: Profiler.Profile
}

/** One sample in so many microseconds. */
const intervalUs = 500

type Reply = { readonly id: number; readonly result?: unknown; readonly error?: { readonly message: string } }

/** Samples where the threads of this process spend their time: its own, and those of its workers. */
export class ProcessProfiler {
  readonly #session = new Session()
  readonly #workers = new Map<string, string>()
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #nextId = 1
  #connected = false

  async start(): Promise<void> {
    await this.#connect()
    await this.#post('Profiler.enable')
    await this.#post('Profiler.setSamplingInterval', { interval: intervalUs })
    await this.#post('Profiler.start')
    for (const worker of this.#workers.keys()) {
      await this.#ask(worker, 'Profiler.enable')
      await this.#ask(worker, 'Profiler.setSamplingInterval', { interval: intervalUs })
      await this.#ask(worker, 'Profiler.start')
    }
  }

  async stop(): Promise<readonly ThreadProfile[]> {
    const main = (await this.#post('Profiler.stop')) as { profile: Profiler.Profile }
    const profiles: ThreadProfile[] = [{ thread: 'main', profile: main.profile }]
    for (const [worker, name] of this.#workers) {
      const { profile } = (await this.#ask(worker, 'Profiler.stop')) as { profile: Profiler.Profile }
      profiles.push({ thread: name, profile })
    }
    return profiles
  }

  async #connect(): Promise<void> {
    if (this.#connected) return
    this.#connected = true
    this.#session.connect()
    this.#session.on('NodeWorker.attachedToWorker', ({ params }) => {
      this.#workers.set(params.sessionId, params.workerInfo.title.replace(/^\[worker \d+\] /, ''))
    })
    this.#session.on('NodeWorker.detachedFromWorker', ({ params }) => this.#workers.delete(params.sessionId))
    this.#session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      const reply = JSON.parse(params.message) as Reply
      this.#waiting.get(reply.id)?.(reply)
      this.#waiting.delete(reply.id)
    })
    await this.#post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  }

  #post(method: string, params: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) =>
      this.#session.post(method, params, (error, result) =>
        error === null ? resolve(result) : reject(error),
      ),
    )
  }

  async #ask(sessionId: string, method: string, params: object = {}): Promise<unknown> {
    const id = this.#nextId++
    const replied = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve))
    await this.#post('NodeWorker.sendMessageToWorker', {
      sessionId,
      message: JSON.stringify({ id, method, params }),
    })
    const { result, error } = await replied
    if (error !== undefined) throw new Error(`${method} in a worker thread: ${error.message}`)
    return result
  }
}
