import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../test/support/servers/server-process.ts'

const main = fileURLToPath(new URL('../../relay/main.ts', import.meta.url))

/** What the tests read of `GET /api/v1/status`. */
export interface RelayStatus {
  readonly workers: { readonly count: number; readonly slots: number }
  readonly tasks: Readonly<Record<string, number>>
  readonly disagreements: Readonly<Record<string, number>>
}

/** A real relay in a process of its own, on a data folder that outlives it. */
export class RelayProcess {
  readonly url: string
  readonly #data: string
  #child: ChildProcess

  private constructor(data: string, child: ChildProcess, url: string) {
    this.#data = data
    this.#child = child
    this.url = url
  }

  static async start(): Promise<RelayProcess> {
    const data = await mkdtemp(join(tmpdir(), 'tabmesh-relay-'))
    const { child, url } = await launch(data, await freePort())
    return new RelayProcess(data, child, url)
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill(signal)
    await exited
  }

  /** Starts it anew after a kill: same data, same address. */
  async startAgain(): Promise<void> {
    const { child } = await launch(this.#data, Number(new URL(this.url).port))
    this.#child = child
  }

  /** While it is down: what it knew is gone, its keys and its network included. */
  async forgetAll(): Promise<void> {
    await rm(this.#data, { recursive: true, force: true, maxRetries: 10 })
  }

  async status(): Promise<RelayStatus> {
    const response = await fetch(new URL('/api/v1/status', this.url))
    return (await response.json()) as RelayStatus
  }

  async end(): Promise<void> {
    await this.kill('SIGKILL')
    await rm(this.#data, { recursive: true, force: true, maxRetries: 10 })
  }
}

async function launch(data: string, port: number): Promise<{ child: ChildProcess; url: string }> {
  const args = ['relay', '--port', String(port), '--libp2p-port', '0', '--data', data]
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-20_000)
  })
  const line = await new Promise<string | undefined>((resolve) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('exit', () => resolve(undefined))
  })
  const url = /^ready (http:\S+)$/.exec(line ?? '')?.[1]
  if (url === undefined) throw new Error(`the relay did not start (${child.exitCode}): ${errors}`)
  return { child, url }
}
