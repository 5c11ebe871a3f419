import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface RelayProcess {
  readonly process: ChildProcess
  readonly peer: string
  readonly ports: { readonly tcp: number; readonly ws: number }
  readonly addresses: readonly string[]
  /** What it wrote on stderr so far. */
  stderr(): string
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

export interface RelayProcessOptions {
  /** 64 hex digits: the key. */
  readonly seed: string
  readonly networkId: string
  readonly tcpPort?: number
  readonly wsPort?: number
  readonly dial?: readonly string[]
}

/** Starts `relay-process.ts` and waits until it listens. */
export async function spawnRelay(options: RelayProcessOptions): Promise<RelayProcess> {
  const script = fileURLToPath(new URL('relay-process.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, JSON.stringify({ tcpPort: 0, wsPort: 0, ...options })],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  const line = await Promise.race([
    new Promise<string>((resolve) => {
      createInterface({ input: child.stdout }).once('line', resolve)
    }),
    gone.then(() => undefined),
  ])
  if (line === undefined) throw new Error(`the relay process ended (${child.exitCode}): ${errors}`)
  const said = JSON.parse(line) as Pick<RelayProcess, 'peer' | 'ports' | 'addresses'>
  return {
    ...said,
    process: child,
    stderr: () => errors,
    kill: async (signal) => {
      child.kill(signal)
      await gone
    },
  }
}
