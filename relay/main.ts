import { processIo } from './cli/io.ts'
import { addNodeCommands } from './cli/node-commands.ts'
import { makeProgram, runProgram, tellError } from './cli/program.ts'
import { runUntilSignal } from './ops/run-until-signal.ts'

/** The `tabmesh` program. Each command loads what it needs, so that `verify` does not load a network. */

const io = processIo()
const stopWith = (error: unknown): never => process.exit(tellError(error, io))

const failed = (error: unknown): never => {
  const reason = error instanceof Error ? error.message : String(error)
  process.stderr.write(`tabmesh: stopped, because its state can no longer be kept: ${reason}\n`)
  process.exit(1)
}

const program = makeProgram({
  io,
  stop: () => {
    const stop = new AbortController()
    // A second signal ends at once.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
    return stop.signal
  },
  ended: (code) => process.exit(code),
})

addNodeCommands(program, {
  relay: async (start) => {
    const { runRelay } = await import('./server.ts')
    const { sayingWhoTookOver } = await import('./fleet/taken-over.ts')
    const ended = sayingWhoTookOver(failed, start.settings.fleet.leaseSeconds)
    const relay = await runUntilSignal({ start: () => runRelay({ ...start, failed: ended }), stopWith })
    process.stdout.write(`ready ${relay.url}\n`)
  },
  agent: async (start) => {
    const { runAgent } = await import('./agent/run-agent.ts')
    const agent = await runUntilSignal({ start: () => runAgent({ ...start, failed }), stopWith })
    await agent.joined
    process.stdout.write(`ready ${agent.peerId}\n`)
  },
})

const exitCode = await runProgram(program, process.argv.slice(2), io)
if (exitCode !== undefined) process.exit(exitCode)
