import { join } from 'node:path'
import { Option } from 'commander'
import { processIo } from './cli/io.ts'
import { makeProgram, runProgram, tellError } from './cli/program.ts'
import { addSettingFlags, flagsGiven } from './config/flags.ts'
import { loadSettings, type SettingsSources } from './config/load-settings.ts'
import type { Role } from './config/settings.ts'
import { dataHome } from './data-folder.ts'
import { runUntilSignal } from './ops/run-until-signal.ts'

/** The `tabmesh` program. Each command loads what it needs, so that `verify` does not load a network. */

/** As commander hands them over: those of the settings are texts. */
interface NodeFlags extends Readonly<Record<string, unknown>> {
  readonly data?: string
  readonly config?: string
}

const sourcesOf = (role: Role, options: NodeFlags, dataFolder: string): SettingsSources => ({
  flags: flagsGiven(role, options),
  env: process.env,
  file: options.config,
  dataFolder,
})

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

addSettingFlags(program.command('relay'), 'relay')
  .description('Serve the page and the API, introduce peers and hold task state.')
  .option('--data <dir>', 'data folder (default: $TABMESH_HOME or ~/.tabmesh)')
  .action(async (options: NodeFlags) => {
    const folder = join(dataHome(options.data), 'relay')
    const load = () => loadSettings('relay', sourcesOf('relay', options, folder))
    const settings = await load()
    const { runRelay } = await import('./server.ts')
    const { sayingWhoTookOver } = await import('./fleet/taken-over.ts')
    const ended = sayingWhoTookOver(failed, settings.fleet.leaseSeconds)
    const relay = await runUntilSignal({
      start: () => runRelay({ settings, folder, failed: ended, loadAgain: load }),
      stopWith,
    })
    process.stdout.write(`ready ${relay.url}\n`)
  })

addSettingFlags(program.command('agent'), 'agent')
  .description('Work for a network without a browser.')
  .option('--data <dir>', 'data folder (default: $TABMESH_HOME or ~/.tabmesh)')
  .addOption(
    new Option('--name <name>', 'folder under the data folder; one for each agent of a machine')
      .env('TABMESH_NAME')
      .default('agent-1'),
  )
  .action(async (options: NodeFlags & { readonly name: string }) => {
    const folder = join(dataHome(options.data), options.name)
    const load = () => loadSettings('agent', sourcesOf('agent', options, folder))
    const settings = await load()
    const { runAgent } = await import('./agent/run-agent.ts')
    const agent = await runUntilSignal({
      start: () => runAgent({ settings, folder, failed, loadAgain: load }),
      stopWith,
    })
    await agent.joined
    process.stdout.write(`ready ${agent.peerId}\n`)
  })

const exitCode = await runProgram(program, process.argv.slice(2), io)
if (exitCode !== undefined) process.exit(exitCode)
