import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { launchTabmesh, ProcessNetwork, type Running } from '../support/tabmesh-processes.ts'

let network: ProcessNetwork
const started: Running[] = []

afterEach(async () => {
  for (const { child, ended } of started.splice(0)) {
    child.kill('SIGKILL')
    await ended
  }
  await network.close()
})

/** The messages of a log, without what else stands on stderr. */
function messagesIn(stderr: string): { message: string; level: string; timestamp: string }[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
}

async function launch(...args: readonly string[]): Promise<Running> {
  const running = launchTabmesh(args, network.data)
  started.push(running)
  await running.firstLine
  return running
}

const agent = (name: string, ...more: string[]): Promise<Running> =>
  launch('agent', '--relay', network.url, '--name', name, '--slots', '1', ...more)

interface Status {
  readonly tasks: Readonly<Record<string, number>>
  readonly workers: { readonly count: number; readonly busy: number }
}

async function status(): Promise<Status> {
  return (await (await fetch(`${network.url}/api/v1/status`)).json()) as Status
}

/** Spins for about so many million steps in QuickJS: a second or two for ten of them. */
const spinning = (millions: number): string => `
export default (item) => {
  let spin = 0
  for (let i = 0; i < ${millions}e6; i++) spin = (spin * 31 + i) % 1000003
  return spin
}`

async function submit(program: string, items: number): Promise<Running> {
  await writeFile(join(network.data, 'program.js'), program)
  await writeFile(join(network.data, 'items.txt'), 'x\n'.repeat(items))
  const job = network.submit(
    ...['--type', 'javascript', '--program', 'program.js', '--input', 'items.txt', '--map', 'lines'],
    ...['--json', '--wait', '120'],
  )
  started.push(job)
  return job
}

const soon = { timeout: 60_000, interval: 50 }

describe('OPS-01 the end of an agent', () => {
  test('finishes what runs, hands back what waits, and ends with 0', async () => {
    network = await ProcessNetwork.start(0)
    const [leaving, ...others] = await Promise.all(
      ['agent-1', 'agent-2', 'agent-3'].map((name) => agent(name)),
    )
    await submit(spinning(10), 3)
    await vi.waitFor(async () => expect((await status()).workers.busy).toBe(3), soon)
    // The others answer nothing: what comes now is of the one that leaves.
    for (const { child } of others) child.kill('SIGSTOP')
    expect((await status()).tasks).toMatchObject({ completed: 0, pending_verification: 0 })
    leaving!.child.kill('SIGTERM')
    const { code, stderr } = await leaving!.ended
    for (const { child } of others) child.kill('SIGCONT')
    expect(code, stderr).toBe(0)
    const messages = messagesIn(stderr).map(({ message }) => message)
    expect(messages.at(-1)).toBe('Agent shutdown complete')
    expect(messages.some((message) => message.startsWith('Handed back'))).toBe(false)
    // Its one slot ran one of the three items, and none after it.
    expect((await status()).tasks).toMatchObject({ completed: 0, pending_verification: 1 })
  }, 240_000)

  test('does not wait for what takes longer than it is given, and hands it back', async () => {
    network = await ProcessNetwork.start(2)
    const leaving = await agent('agent-9', '--drain-seconds', '1')
    await submit(spinning(400), 1)
    await vi.waitFor(async () => expect((await status()).workers.busy).toBe(3), soon)
    const asked = performance.now()
    leaving.child.kill('SIGTERM')
    const { code, stderr } = await leaving.ended
    expect(code, stderr).toBe(0)
    expect(performance.now() - asked).toBeLessThan(15_000)
    const messages = messagesIn(stderr).map(({ message }) => message)
    expect(messages).toContain('Handed back what did not finish within 1 s')
    expect(messages.at(-1)).toBe('Agent shutdown complete')
  }, 240_000)

  test('that has not begun is no failure', async () => {
    network = await ProcessNetwork.start(0)
    await network.killRelay()
    // It asks for the relay again and again.
    const lonely = launchTabmesh(['agent', '--relay', network.url, '--name', 'lonely'], network.data)
    started.push(lonely)
    await vi.waitFor(() => expect(lonely.stderr()).toContain('Identity created'), { timeout: 30_000 })
    lonely.child.kill('SIGTERM')
    const { code, stderr } = await lonely.ended
    expect(stderr).toContain('tabmesh: ended at once, before it was up; what is saved is whole\n')
    expect(code).toBe(0)
  }, 60_000)
})

describe('OPS-01 a relay that was killed', () => {
  test('says from when its state is, which is the last time that it saved anything', async () => {
    network = await ProcessNetwork.start(0)
    await submit(spinning(1), 5)
    await vi.waitFor(async () => expect((await status()).tasks['pending']).toBe(5), soon)
    const saved = Date.now()
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    await network.killRelay()
    await network.startRelay()
    await expect.poll(() => network.relayLog()).toContain('Agent started successfully')
    const messages = messagesIn(network.relayLog())
    const recovered = messages.find(({ message }) => message.startsWith('Recovered state from '))
    expect(recovered).toMatchObject({ pending: 5 })
    const time = Date.parse(recovered!.message.slice('Recovered state from '.length))
    expect(time).toBeGreaterThan(saved - 30_000)
    expect(time).toBeLessThanOrEqual(saved)
    expect(messages.map(({ message }) => message)).toContain(
      'Completed the last writes of a run that ended without closing its store',
    )
  }, 120_000)
})
