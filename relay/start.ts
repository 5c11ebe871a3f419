import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Supervised } from './ops/supervised.ts'

/**
 * `npm start`: one relay and some agents, each a process of its own, on this machine. Prints
 * `ready http://localhost:PORT` when the relay answers and every agent has joined, and starts again whichever of them ends
 * unasked; Ctrl-C ends all of it.
 */
const usage = `usage: npm start [-- --port N --libp2p-port N --data DIR --agents N]

  --port N         of the page and the API (8080)
  --libp2p-port N  of TCP between nodes (9000), WebSocket takes the next; 0 is any that is free
  --data DIR       where state is kept (~/.tabmesh, or TABMESH_HOME)
  --agents N       headless workers beside the relay (3)
`
const main = fileURLToPath(new URL('main.ts', import.meta.url))
const nodeFlags = ['--disable-warning=ExperimentalWarning']

interface Options {
  /** As the settings have it unless told. */
  readonly port: number | undefined
  readonly libp2pPort: number | undefined
  readonly data: string | undefined
  readonly agents: number
}

function fail(message: string, code: number): never {
  process.stderr.write(`tabmesh: ${message}\n`)
  process.exit(code)
}

function options(): Options {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string' },
        'libp2p-port': { type: 'string' },
        data: { type: 'string' },
        agents: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help === true) {
      process.stdout.write(usage)
      process.exit(0)
    }
    return {
      port: portOf('port', values.port),
      libp2pPort: portOf('libp2p-port', values['libp2p-port']),
      data: values.data,
      agents: whole('agents', values.agents ?? '3', 0, 64),
    }
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : error}\n${usage}`, 2)
  }
}

const portOf = (name: string, text: string | undefined): number | undefined =>
  text === undefined ? undefined : whole(name, text, 0, 65_535)

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new Error(`--${name} ${text}: expected a whole number from ${min} to ${max}`)
}

const { port, libp2pPort, data, agents: agentCount } = options()
const dataArgs = data === undefined ? [] : ['--data', data]
/** Where the relay was: there the agents, and the tabs, look for it after a new start. */
let url: URL | undefined
let ending: Promise<never> | undefined

function launch(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [...nodeFlags, main, ...args, ...dataArgs], {
    // The channel closes when this process ends, in whatever way; then they end too.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Own process group: a Ctrl-C in the terminal reaches this process only, which then ends the others in order.
    detached: true,
  })
}

function relayArgs(): readonly string[] {
  // An address without a port is one on 80.
  const wanted = url === undefined ? port : url.port || 80
  return ['relay', ...flag('--port', wanted), ...flag('--libp2p-port', libp2pPort)]
}

const flag = (name: string, value: number | string | undefined): readonly string[] =>
  value === undefined ? [] : [name, String(value)]

const supervised = (name: string, args: () => readonly string[]): Supervised =>
  new Supervised({
    name,
    launch: () => launch(args()),
    say: (what) => process.stderr.write(`tabmesh: ${what}\n`),
    gaveUp: (code) => void end(code),
  })

const relay = supervised('relay', relayArgs)
const agents = Array.from({ length: agentCount }, (_, i) => {
  const name = `agent-${i + 1}`
  return supervised(name, () => ['agent', '--relay', url!.origin, '--name', name])
})

function end(code: number): Promise<never> {
  ending ??= (async () => {
    // Agents first: they hand their work back while the relay still listens.
    await Promise.all(agents.map((agent) => agent.stop()))
    await relay.stop()
    process.exit(code)
  })()
  return ending
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Asked a second time they end at once.
    if (ending !== undefined) for (const one of [...agents, relay]) one.signal('SIGTERM')
    void end(0)
  })
}
process.on('SIGHUP', () => {
  // The terminal is gone, or a service manager asks to read the settings again.
  if (process.stdout.isTTY) return void end(0)
  for (const one of [relay, ...agents]) one.signal('SIGHUP')
})

try {
  const ready = await relay.start()
  url = new URL(ready.replace(/^ready /, ''))
  await Promise.all(agents.map((agent) => agent.start()))
  process.stdout.write(`ready ${url.origin}\n`)
} catch (error) {
  if (ending === undefined) {
    process.stderr.write(`tabmesh: ${error instanceof Error ? error.message : error}\n`)
    await end(1)
  }
}
