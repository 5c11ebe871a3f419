import { join } from 'node:path'
import { loadSettings } from '../config/load-settings.ts'
import { dataHome } from '../data-folder.ts'
import { UsageError } from './usage-error.ts'

export interface RelayOption {
  readonly relay?: string
  readonly data?: string
}

/** `--relay`, else TABMESH_RELAY, else the client's config file. Rejects with a UsageError that names all three. */
export async function relayOf({ relay, data }: RelayOption, env = process.env): Promise<string> {
  if (relay !== undefined) return relay
  const folder = join(dataHome(data, env), 'client')
  // As shells have it, a variable that is empty says nothing.
  const { TABMESH_RELAY: named, ...others } = env
  const given = named === undefined || named.trim() === '' ? others : env
  const sources = { flags: {}, env: given, file: undefined, dataFolder: folder }
  const settings = await loadSettings('client', sources)
  if (settings.relay !== undefined) return settings.relay
  const file = join(folder, 'config.yaml')
  throw new UsageError(
    `Which relay? Give --relay URL, set TABMESH_RELAY, or write \`relay: URL\` into ${file}; one started here is at http://localhost:8080`,
  )
}
