import { type ChildProcess, execFile } from 'node:child_process'
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as nextLook } from 'node:timers/promises'
import { promisify } from 'node:util'
import { endProcess, findProgram, freePort, launch } from './server-process.ts'

/** Debian keeps the servers' programs out of PATH. */
export const postgresProgram = findProgram('initdb', ['/usr/lib/postgresql/*/bin'])

const lookMs = 20
const password = 'a-password-of-tests'

/** A PostgreSQL server on a free port with a cluster of its own. It refuses to run as root, so root lends it a user. */
export class PostgresProcess {
  readonly url: string
  readonly port: number
  readonly #directory: string
  readonly #user: { readonly uid: number; readonly gid: number } | undefined
  #child: ChildProcess | undefined

  private constructor(directory: string, port: number, user: { uid: number; gid: number } | undefined) {
    this.#directory = directory
    this.port = port
    this.url = `postgres://tester:${password}@127.0.0.1:${port}/postgres`
    this.#user = user
  }

  static async start(): Promise<PostgresProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'tabmesh-postgres-'))
    const user = process.getuid?.() === 0 ? await someUser() : undefined
    const secret = join(directory, 'password')
    await writeFile(secret, password, { mode: 0o600 })
    if (user !== undefined) {
      await chown(directory, user.uid, user.gid)
      await chown(secret, user.uid, user.gid)
    }
    const server = new PostgresProcess(directory, await freePort(), user)
    await promisify(execFile)(
      postgresProgram!,
      [
        ...['-D', join(directory, 'cluster'), '-U', 'tester', '--pwfile', secret, '-A', 'scram-sha-256'],
        ...['-E', 'UTF8', '--locale', 'C.UTF-8', '--no-sync'],
      ],
      { ...user, cwd: directory },
    )
    await server.up()
    return server
  }

  /** After a kill the system may take a moment until another can have the same directory. */
  async up(): Promise<void> {
    for (;;) {
      try {
        this.#child = await this.#launch()
        return
      } catch (error) {
        if (!String(error).includes('still in use')) throw error
        await nextLook(lookMs)
      }
    }
  }

  #launch(): Promise<ChildProcess> {
    return launch({
      program: join(dirname(postgresProgram!), 'postgres'),
      args: [
        ...['-D', join(this.#directory, 'cluster'), '-p', String(this.port)],
        ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
      ],
      ...this.#user,
      ready: /database system is ready to accept connections/,
    })
  }

  /** As a crash of the machine ends it: with its children, which would serve on for a moment without it. */
  async kill(): Promise<void> {
    const { pid } = this.#child!
    this.#child!.kill('SIGSTOP')
    const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
    const children = list
      .split(' ')
      .filter((text) => text.trim() !== '')
      .map(Number)
    await endProcess(this.#child!, 'SIGKILL')
    for (const child of children) endChild(child)
    for (const child of children) while (await isRunning(child)) await nextLook(lookMs)
  }

  async stop(): Promise<void> {
    // SIGQUIT is PostgreSQL's immediate shutdown, which ends its children too.
    if (this.#child !== undefined) await endProcess(this.#child, 'SIGQUIT')
    await rm(this.#directory, { recursive: true, force: true })
  }
}

function endChild(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended with its parent.
  }
}

/** A process whose end nobody has asked for is still listed, as Z. */
async function isRunning(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
  return !state.includes(') Z')
}

/** The packages' own user, else nobody. */
async function someUser(): Promise<{ uid: number; gid: number }> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const found = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody')
  if (found === undefined) throw new Error('there is no user postgres or nobody to run PostgreSQL as')
  return { uid: Number(found[2]), gid: Number(found[3]) }
}
