import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { addSettingFlags, flagsGiven } from '../config/flags.ts'
import { loadSettings } from '../config/load-settings.ts'
import type { AgentSettings, RelaySettings, Role } from '../config/settings.ts'
import { dataHome } from '../data-folder.ts'

/** What a command of these runs, once it is known that it can be. */
export interface NodeStart<S> {
  readonly settings: S
  readonly folder: string
  /** Reads the settings again, from where they were read first. */
  readonly loadAgain: () => Promise<S>
}

/** Serves until a signal comes; both resolve when it is up. */
export interface NodeHosts {
  readonly relay: (start: NodeStart<RelaySettings>) => Promise<void>
  readonly agent: (start: NodeStart<AgentSettings>) => Promise<void>
}

/** As commander hands them over: those of the settings are texts. */
interface NodeFlags extends Readonly<Record<string, unknown>> {
  readonly data?: string
  readonly config?: string
}

const sourcesOf = (role: Role, options: NodeFlags, dataFolder: string) => ({
  flags: flagsGiven(role, options),
  env: process.env,
  file: options.config,
  dataFolder,
})

/** The commands that serve, added to the program. */
export function addNodeCommands(program: Command, hosts: NodeHosts): void {
  addSettingFlags(program.command('relay'), 'relay')
    .description('Serve the page and the API, introduce peers and hold task state.')
    .option('--data <dir>', 'data folder (default: $TABMESH_HOME or ~/.tabmesh)')
    .action(async (options: NodeFlags) => {
      const folder = join(dataHome(options.data), 'relay')
      const load = () => loadSettings('relay', sourcesOf('relay', options, folder))
      await hosts.relay({ settings: await load(), folder, loadAgain: load })
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
      await hosts.agent({ settings: await load(), folder, loadAgain: load })
    })
}
