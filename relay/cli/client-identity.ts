import { join } from 'node:path'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { dataHome, openDataFolder } from '../data-folder.ts'
import { loadOrCreateIdentity } from '../keys/identity.ts'

/** The key that signs this user's tasks and requests: `client/` in the data folder. */
export async function clientCrypto(data: string | undefined): Promise<CryptoPort> {
  const folder = await openDataFolder(join(dataHome(data), 'client'))
  const passphrase = process.env['TABMESH_PASSPHRASE']
  const identity = await loadOrCreateIdentity({ dir: folder, passphrase, log: () => {} })
  return identity.crypto
}
