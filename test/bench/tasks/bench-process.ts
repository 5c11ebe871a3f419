import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { RoleName } from './roles/role.ts'

const main = fileURLToPath(new URL('./bench-process-main.ts', import.meta.url))
/** What a process says on stderr is kept up to this, in characters, to explain its end. */
const saidMax = 4_000
const endMs = 10_000

export interface Question {
  readonly id: number
  readonly name: string
  readonly given: unknown
}

export type Reply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: string }

interface Waiting {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

/** One process of a measurement: plays a role, answers questions, and tells what processor time it took. */
export class BenchProcess {
  readonly role: RoleName
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #said = ''
  #ended: Error | undefined

  private constructor(role: RoleName) {
    this.role = role
    this.#child = fork(main, [role], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: ['--disable-warning=ExperimentalWarning'],
      serialization: 'advanced',
    })
    this.#child.stderr!.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk).slice(-saidMax)
    })
    this.#child.on('message', (reply: Reply) => this.#settle(reply))
    this.#child.on('close', (code, signal) => this.#end(`${signal ?? `code ${code}`}`))
  }

  /** Starts the process and resolves when its role is ready for questions. */
  static async start(role: RoleName, given: unknown): Promise<BenchProcess> {
    const process = new BenchProcess(role)
    try {
      await process.ask('start', given)
    } catch (error) {
      await process.stop()
      throw error
    }
    return process
  }

  async ask<T>(name: string, given?: unknown): Promise<T> {
    if (this.#ended !== undefined) throw this.#ended
    const id = this.#nextId++
    return await new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject })
      this.#child.send({ id, name, given } satisfies Question)
    })
  }

  /** Milliseconds of processor time since its start, all its threads together. */
  async cpuMs(): Promise<number> {
    return await this.ask<number>('cpuMs')
  }

  /** Ends in order where it can, and at all events. */
  async stop(): Promise<void> {
    if (this.#ended !== undefined) return
    const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()))
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endMs)
    this.ask('stop').catch(() => {})
    await closed
    clearTimeout(timer)
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if ('answer' in reply) waiting?.resolve(reply.answer)
    else waiting?.reject(new Error(`${this.role}: ${reply.failure}`))
  }

  #end(how: string): void {
    this.#ended = new Error(`The process of the ${this.role} ended (${how}): ${this.#said}`)
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
  }
}
