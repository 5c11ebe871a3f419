import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'

/** Where a program is, looked for in PATH and in further folders (patterns); `undefined` when it is not installed. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const inPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return globSync([...folders, ...inPath].map((folder) => join(folder, name))).at(0)
}

/** Continuous integration installs everything; on a user's machine what is missing is not run, and is said. */
export function mayBeMissing(): boolean {
  return process.env['CI'] !== 'true'
}

/** Below the ports that systems give to outgoing connections: one of those would be taken again at once by any test. */
const [portMin, ports] = [20_000, 12_000]

/** A port that is free now, and that nobody gets who does not ask for it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = portMin + randomInt(ports)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}

interface Launch {
  readonly program: string
  readonly args: readonly string[]
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** What the program prints when it takes connections. */
  readonly ready: RegExp
}

/** Starts a server and resolves when it says that it is ready; rejects with what it said when it ends before. */
export async function launch({ program, args, uid, gid, ready }: Launch): Promise<ChildProcess> {
  const identity = uid === undefined || gid === undefined ? {} : { uid, gid }
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...identity })
  let said = ''
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const hear = (chunk: Buffer): void => {
    said = (said + chunk).slice(-10_000)
    if (ready.test(said)) resolve()
  }
  child.stdout!.on('data', hear)
  child.stderr!.on('data', hear)
  child.on('error', reject)
  child.on('exit', (code, signal) => reject(new Error(`${program} ended (${signal ?? code}): ${said}`)))
  await promise
  return child
}

export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}
