import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

const start = fileURLToPath(new URL('../../relay/start.ts', import.meta.url))
let data: string
let supervisor: ChildProcess | undefined
let said = ''

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'tabmesh-start-'))
  said = ''
})

afterEach(async () => {
  for (const pid of supervisor === undefined ? [] : [...(await childrenOf(supervisor.pid!)).values()])
    endNow(pid)
  if (supervisor !== undefined && supervisor.exitCode === null && supervisor.signalCode === null) {
    supervisor.kill('SIGKILL')
    await once(supervisor, 'exit')
  }
  supervisor = undefined
  await rm(data, { recursive: true, force: true, maxRetries: 5 })
})

function launch(...args: readonly string[]): ChildProcess {
  supervisor = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', start, '--data', data, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, INIT_CWD: data, TABMESH_LIBP2P_PORT: '0' } },
  )
  supervisor.stderr!.on('data', (chunk: Buffer) => {
    said += chunk
  })
  return supervisor
}

async function ready(child: ChildProcess): Promise<string> {
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error(said))),
  ])) as [string]
  return line.replace(/^ready /, '')
}

/** Its processes by what they are: `relay`, `agent-1`. */
async function childrenOf(pid: number): Promise<Map<string, number>> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const pids = list.split(' ').filter((text) => text !== '')
  const found = await Promise.all(
    pids.map(async (each) => {
      const words = (await readFile(`/proc/${each}/cmdline`, 'utf8').catch(() => '')).split('\0')
      const name = words.includes('relay') ? 'relay' : words[words.indexOf('--name') + 1]!
      return [name, Number(each)] as const
    }),
  )
  return new Map(found)
}

const isRunning = async (pid: number): Promise<boolean> =>
  !(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')).includes(') Z')

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

const workers = async (url: string): Promise<number> => {
  const status = (await (await fetch(`${url}/api/v1/status`)).json()) as { workers: { count: number } }
  return status.workers.count
}

const soon = { timeout: 90_000, interval: 100 }

describe('OPS-01 npm start', () => {
  test('starts a relay and an agent again that were killed, and Ctrl-C ends all', async () => {
    const child = launch('--port', '0', '--agents', '2')
    const url = await ready(child)
    const before = await childrenOf(child.pid!)
    expect([...before.keys()].sort()).toEqual(['agent-1', 'agent-2', 'relay'])
    process.kill(before.get('agent-2')!, 'SIGKILL')
    await vi.waitFor(() => expect(said).toContain('tabmesh: agent-2 is up again\n'), soon)
    expect(said).toContain('tabmesh: agent-2 ended unasked (SIGKILL); starting it again in 1 s\n')
    process.kill(before.get('relay')!, 'SIGKILL')
    await vi.waitFor(() => expect(said).toContain('tabmesh: relay is up again\n'), soon)
    // At the same address, where its agents find it.
    await vi.waitFor(async () => expect(await workers(url)).toBe(2), soon)
    const after = await childrenOf(child.pid!)
    expect(after.get('agent-1')).toBe(before.get('agent-1'))
    expect(after.get('agent-2')).not.toBe(before.get('agent-2'))
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
    for (const pid of [...before.values(), ...after.values()]) expect(await isRunning(pid)).toBe(false)
    expect(said.match(/"message":"Agent shutdown complete"/g)?.length).toBe(3)
  }, 240_000)

  test('leaves nothing running when it is killed itself', async () => {
    const child = launch('--port', '0', '--agents', '1')
    await ready(child)
    const pids = [...(await childrenOf(child.pid!)).values()]
    expect(pids.length).toBe(2)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await vi.waitFor(async () => {
      for (const pid of pids) expect(await isRunning(pid)).toBe(false)
    }, soon)
  }, 240_000)

  test('gives up with the reason and 2 where settings are wrong, at once or later', async () => {
    const child = launch('--port', '0', '--agents', '1')
    await ready(child)
    const pid = (await childrenOf(child.pid!)).get('agent-1')!
    await writeFile(join(data, 'agent-1', 'config.yaml'), 'slots: many\n')
    process.kill(pid, 'SIGKILL')
    expect(await once(child, 'exit')).toEqual([2, null])
    expect(said).toContain('tabmesh: slots is "many" (')
    expect(said).toContain('tabmesh: agent-1 ended (exit code 2)\n')
    said = ''
    const again = launch('--port', '0', '--agents', '1')
    expect(await once(again, 'exit')).toEqual([2, null])
    expect(said).toContain('tabmesh: slots is "many" (')
  }, 240_000)
})
