import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { freePort } from './servers/server-process.ts'

const main = fileURLToPath(new URL('../../relay/main.ts', import.meta.url))

const forTests = { TABMESH_RECORD: undefined, TABMESH_PARTS: undefined }

/** The output of a `tabmesh` command that has ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A `tabmesh` command under way. */
export interface Running {
  readonly child: ChildProcess
  /** Its first line on stdout; rejects when it ends without one. */
  readonly firstLine: Promise<string>
  readonly ended: Promise<Ended>
  /** What it wrote there so far. */
  stdout(): string
  stderr(): string
}

/** With `pipe` its stdin is the caller's to write and end. */
export function launchTabmesh(
  args: readonly string[],
  data: string,
  stdin: 'ignore' | 'pipe' = 'ignore',
): Running {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
    stdio: [stdin, 'pipe', 'pipe'],
    // What is said to the tests is no setting of a node.
    env: { ...process.env, ...forTests, TABMESH_HOME: data, INIT_CWD: data },
  })
  const [out, err] = [child.stdout!, child.stderr!]
  let stdout = ''
  let stderr = ''
  out.on('data', (chunk: Buffer) => {
    stdout += chunk
  })
  err.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (code) => resolve({ code, stdout, stderr })),
  )
  const firstLine = new Promise<string>((resolve, reject) => {
    createInterface({ input: out }).once('line', resolve)
    void ended.then(({ code }) =>
      reject(new Error(`tabmesh ${args[0]} ended with ${code}: ${stderr.slice(-2_000)}`)),
    )
  })
  firstLine.catch(() => {})
  return { child, firstLine, ended, stdout: () => stdout, stderr: () => stderr }
}

/** A relay and agents as processes of their own, under one temporary data folder. */
export class ProcessNetwork {
  readonly data: string
  url = ''
  readonly #agents: Running[] = []
  readonly #isKept: boolean
  #relay: Running | undefined

  readonly #relayArgs: readonly string[]

  private constructor(data: string, isKept: boolean, relayArgs: readonly string[]) {
    this.data = data
    this.#isKept = isKept
    this.#relayArgs = relayArgs
  }

  /** A folder that is given is gone on with, and left as it is at the end. */
  static async start(
    agents: number,
    { folder, relayArgs = [] }: { readonly folder?: string; readonly relayArgs?: readonly string[] } = {},
  ): Promise<ProcessNetwork> {
    const data = folder ?? (await mkdtemp(join(tmpdir(), 'tabmesh-processes-')))
    const network = new ProcessNetwork(data, folder !== undefined, relayArgs)
    await network.startRelay()
    for (let n = 1; n <= agents; n++) network.#agents.push(network.#agent(`agent-${n}`))
    await Promise.all(network.#agents.map((agent) => agent.firstLine))
    return network
  }

  /** The first time on a free port, later where it was. */
  async startRelay(): Promise<void> {
    const port = this.url === '' ? String(await freePort()) : new URL(this.url).port
    this.#relay = launchTabmesh(
      ['relay', '--port', port, '--libp2p-port', '0', ...this.#relayArgs],
      this.data,
    )
    this.url = (await this.#relay.firstLine).replace(/^ready /, '')
  }

  /** SIGKILL, and its end. */
  async killRelay(): Promise<void> {
    this.#relay?.child.kill('SIGKILL')
    await this.#relay?.ended
  }

  /** The end of the relay that was started last, by itself. */
  async relayEnded(): Promise<Ended> {
    if (this.#relay === undefined) throw new Error('no relay was started')
    return await this.#relay.ended
  }

  get relayPid(): number {
    const pid = this.#relay?.child.pid
    if (pid === undefined) throw new Error('the relay does not run')
    return pid
  }

  /** What the relay that runs now wrote to stderr. */
  relayLog(): string {
    return this.#relay?.stderr() ?? ''
  }

  submit(...args: readonly string[]): Running {
    return launchTabmesh(['submit', '--relay', this.url, ...args], this.data)
  }

  async verify(...args: readonly string[]): Promise<Ended> {
    return await launchTabmesh(['verify', ...args], this.data).ended
  }

  async close(): Promise<void> {
    for (const running of [...this.#agents, this.#relay]) {
      running?.child.kill('SIGKILL')
      await running?.ended
    }
    if (!this.#isKept) await rm(this.data, { recursive: true, force: true, maxRetries: 5 })
  }

  #agent(name: string): Running {
    return launchTabmesh(['agent', '--relay', this.url, '--name', name, '--slots', '1'], this.data)
  }
}
