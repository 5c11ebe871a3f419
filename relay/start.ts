import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/**
 * `npm start`: one relay and some agents, each a process of its own, on this machine. Prints
 * `ready http://localhost:PORT` when the relay answers and every agent has joined; Ctrl-C ends all of it.
 */
const usage = 'usage: npm start [-- --port N --data DIR --agents N]\n'
const main = fileURLToPath(new URL('main.ts', import.meta.url))
const nodeFlags = ['--disable-warning=ExperimentalWarning']
const readyMs = 60_000
const stopMs = 30_000

interface Options {
  /** As the settings have it unless told. */
  readonly port: number | undefined
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
      options: { port: { type: 'string' }, data: { type: 'string' }, agents: { type: 'string' } },
    })
    return {
      port: values.port === undefined ? undefined : whole('port', values.port, 0, 65_535),
      data: values.data,
      agents: whole('agents', values.agents ?? '3', 0, 64),
    }
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : error}\n${usage}`, 2)
  }
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new Error(`--${name} ${text}: expected a whole number from ${min} to ${max}`)
}

type Child = ReturnType<typeof spawn>
const children: Child[] = []
let ending = false

function launch(args: readonly string[]): Child {
  // Own process group: a Ctrl-C in the terminal reaches this process only, which then ends the others in order.
  const child = spawn(process.execPath, [...nodeFlags, main, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  children.push(child)
  child.on('exit', (code, signal) => {
    if (ending) return
    process.stderr.write(`tabmesh: ${args[0]} ended unasked (${signal ?? `code ${code}`})\n`)
    void end(code === 0 || code === null ? 1 : code)
  })
  return child
}

/** Resolves with the first line the child prints. */
function firstLine(child: Child): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => reject(new Error(`not ready within ${readyMs / 1_000} s`)), readyMs)
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk
      const end = text.indexOf('\n')
      if (end < 0) return
      clearTimeout(timer)
      resolve(text.slice(0, end))
    })
  })
}

async function stop(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exited
}

async function end(code: number): Promise<never> {
  ending = true
  const late = setTimeout(() => {
    for (const child of children) child.kill('SIGKILL')
  }, stopMs)
  const [relay, ...agents] = children
  // Agents first: they hand their work back while the relay still listens.
  await Promise.all(agents.map(stop))
  if (relay !== undefined) await stop(relay)
  clearTimeout(late)
  process.exit(code)
}

const { port, data, agents } = options()
process.on('SIGINT', () => void end(0))
process.on('SIGTERM', () => void end(0))
const dataArgs = data === undefined ? [] : ['--data', data]
const portArgs = port === undefined ? [] : ['--port', String(port)]
try {
  const ready = await firstLine(launch(['relay', ...portArgs, ...dataArgs]))
  const url = ready.replace(/^ready /, '')
  const joined = []
  for (let n = 1; n <= agents; n++) {
    joined.push(firstLine(launch(['agent', '--relay', url, '--name', `agent-${n}`, ...dataArgs])))
  }
  await Promise.all(joined)
  process.stdout.write(`ready ${url}\n`)
} catch (error) {
  if (!ending) {
    process.stderr.write(`tabmesh: ${error instanceof Error ? error.message : error}\n`)
    await end(1)
  }
}
