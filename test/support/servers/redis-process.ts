import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endProcess, findProgram, freePort, launch } from './server-process.ts'

export const redisProgram = findProgram('redis-server')

const password = 'a-password-of-tests'

/** A redis-server on a free port with a directory of its own, every write on the disk before it is acknowledged. */
export class RedisProcess {
  readonly url: string
  readonly port: number
  readonly #directory: string
  readonly #settings: readonly string[]
  #child: ChildProcess | undefined

  private constructor(directory: string, port: number, settings: readonly string[]) {
    this.#directory = directory
    this.port = port
    this.url = `redis://:${password}@127.0.0.1:${port}`
    this.#settings = settings
  }

  /** `settings` as on the command line: `['--maxmemory', '10mb']`. */
  static async start(settings: readonly string[] = []): Promise<RedisProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'tabmesh-redis-'))
    const server = new RedisProcess(directory, await freePort(), settings)
    await server.up()
    return server
  }

  async up(): Promise<void> {
    const base = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#directory, '--save', '']
    this.#child = await launch({
      program: redisProgram!,
      args: [
        ...base,
        '--appendonly',
        'yes',
        '--appendfsync',
        'always',
        '--requirepass',
        password,
        ...this.#settings,
      ],
      ready: /Ready to accept connections/,
    })
  }

  async kill(): Promise<void> {
    await endProcess(this.#child!, 'SIGKILL')
  }

  signal(signal: NodeJS.Signals): void {
    this.#child!.kill(signal)
  }

  async stop(): Promise<void> {
    if (this.#child !== undefined) await endProcess(this.#child, 'SIGKILL')
    await rm(this.#directory, { recursive: true, force: true })
  }
}
