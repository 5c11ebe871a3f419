import { join } from 'node:path'
import { loadSettings } from '../../../../relay/config/load-settings.ts'
import { runRelay } from '../../../../relay/server.ts'
import type { Answers } from './answers.ts'

export interface RelayGiven {
  readonly folder: string
}

/** A relay as `tabmesh relay` starts it, with its state in SQLite. */
export async function relayRole({ folder }: RelayGiven): Promise<Answers> {
  const dataFolder = join(folder, 'relay')
  const flags = { port: '0', 'libp2p-port': '0', log: 'warn' }
  const settings = await loadSettings('relay', { flags, env: {}, file: undefined, dataFolder })
  const relay = await runRelay({
    settings,
    folder: dataFolder,
    failed: (error) => {
      throw error
    },
  })
  return { url: () => relay.url, stop: () => relay.stop() }
}
