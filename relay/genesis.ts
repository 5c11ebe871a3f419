import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '../shared/kernel/bytes.ts'
import { encodeCanonical } from '../shared/kernel/codec.ts'
import type { Hash, PeerId } from '../shared/kernel/ids.ts'
import { Refusal } from '../shared/kernel/refusal.ts'
import { integer, list, object, oneOf, parse, peerIdText, text } from '../shared/kernel/shape.ts'
import { StartError } from './data-folder.ts'
import { nodeSha256 } from './keys/node-sha256.ts'
import { writeFileDurably } from './storage/files.ts'

/** FORMATS: what a network is; its hash is the network's id. */
export interface Genesis {
  readonly name: string
  readonly relayKeys: readonly PeerId[]
  readonly adminKeys: readonly PeerId[]
  readonly policy: 'open' | 'curated'
  /** Leading zero bits of the admission puzzle; 0 asks for none. */
  readonly powDifficulty: number
}

const genesisShape = object({
  name: text(100),
  relayKeys: list(peerIdText, 100),
  adminKeys: list(peerIdText, 1_000),
  policy: oneOf(['open', 'curated'] as const),
  powDifficulty: integer(0, 64),
})

export const networkIdOf = (genesis: Genesis): Hash => toHex(nodeSha256(encodeCanonical(genesis))) as Hash

/** The genesis of DATA/genesis.json; made at the first start, for an open network with this relay alone. */
export async function loadOrCreateGenesis(dataFolder: string, self: PeerId): Promise<Genesis> {
  const path = join(dataFolder, 'genesis.json')
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, error)
    const genesis: Genesis = {
      name: 'tabmesh',
      relayKeys: [self],
      adminKeys: [],
      policy: 'open',
      powDifficulty: 0,
    }
    await writeFileDurably(path, Buffer.from(`${JSON.stringify(genesis, null, 2)}\n`))
    return genesis
  }
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (error) {
    throw unreadable(path, error)
  }
  const genesis = parse(genesisShape, value, 'genesis')
  if (genesis instanceof Refusal) throw unreadable(path, genesis)
  return genesis
}

function unreadable(path: string, cause: unknown): StartError {
  const reason = cause instanceof Error || cause instanceof Refusal ? cause.message : String(cause)
  return new StartError(
    `The genesis ${path} cannot be read (${reason}). Restore it from a backup: without it this relay cannot rejoin its network.`,
    1,
    cause,
  )
}
