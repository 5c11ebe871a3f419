import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '../shared/kernel/bytes.ts'
import { encodeCanonical } from '../shared/kernel/codec.ts'
import type { Hash, PeerId } from '../shared/kernel/ids.ts'
import { Refusal } from '../shared/kernel/refusal.ts'
import { integer, list, object, oneOf, parse, peerIdText, text } from '../shared/kernel/shape.ts'
import { StorageError, type Store } from '../shared/storage/store.ts'
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

/** Relays on one store are one network: the first of them writes its genesis there, once. */
const sharedKey = 'network/genesis'

/**
 * The genesis of DATA/genesis.json, else that of the store that relays share; made at the first start, for an open
 * network with this relay alone. Rejects with a StartError where the two are not of one network.
 */
export async function loadOrCreateGenesis(
  dataFolder: string,
  self: PeerId,
  shared?: SharedGenesis,
): Promise<Genesis> {
  const path = join(dataFolder, 'genesis.json')
  const own = await readOwn(path)
  const made: Genesis = own ?? {
    name: 'tabmesh',
    relayKeys: [self],
    adminKeys: [],
    policy: 'open',
    powDifficulty: 0,
  }
  const genesis = shared === undefined ? made : await agreed(shared, made)
  if (own !== undefined && networkIdOf(own) !== networkIdOf(genesis)) {
    const [ours, theirs] = [own, genesis].map((each) => networkIdOf(each).slice(0, 8))
    throw new StartError(
      `The store at ${shared?.place} is that of another network (${theirs}) than the one in ${path} (${ours}): give this relay a store of its own, or remove that file so that it joins the network of the store`,
      1,
    )
  }
  if (own === undefined) await writeFileDurably(path, Buffer.from(`${JSON.stringify(genesis, null, 2)}\n`))
  return genesis
}

export interface SharedGenesis {
  readonly store: Store
  /** For people: the store's address without its password. */
  readonly place: string
}

async function readOwn(path: string): Promise<Genesis | undefined> {
  try {
    return genesisFrom(await readFile(path, 'utf8'), path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error instanceof StartError ? error : unreadable(path, error)
  }
}

function genesisFrom(content: string, place: string): Genesis {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (error) {
    throw unreadable(place, error)
  }
  const genesis = parse(genesisShape, value, 'genesis')
  if (genesis instanceof Refusal) throw unreadable(place, genesis)
  return genesis
}

/** The genesis that stands in the store, after this one was written there if none was. */
async function agreed({ store, place }: SharedGenesis, made: Genesis): Promise<Genesis> {
  for (;;) {
    const found = await store.get(sharedKey)
    if (found !== undefined) return genesisFrom(new TextDecoder().decode(found), `in the store at ${place}`)
    const value = new TextEncoder().encode(JSON.stringify(made))
    try {
      await store.batch([{ key: sharedKey, value }], { fence: { key: sharedKey, value: undefined } })
      return made
    } catch (error) {
      // Another relay starts for the first time too, and was faster.
      if (!(error instanceof StorageError) || error.code !== 'Fenced') throw error
    }
  }
}

function unreadable(place: string, cause: unknown): StartError {
  const reason = cause instanceof Error || cause instanceof Refusal ? cause.message : String(cause)
  return new StartError(
    `The genesis ${place} cannot be read (${reason}). Restore it from a backup: without it this relay cannot rejoin its network.`,
    1,
    cause,
  )
}
