import { nodeEngine } from '../../../relay/keys/node-engine.ts'
import { nodeSha256 } from '../../../relay/keys/node-sha256.ts'
import { createCryptoPort } from '../../../shared/host/create-crypto-port.ts'

/**
 * What no verified task can do without, as receipts are (FORMATS, "receipt"): its submitter signs it, and the relay and
 * three workers check that; each worker signs what it commits itself to, and the relay checks the first one's.
 */
const signed = 1 + 3
const checked = 1 + 3 + 1
const times = 2_000
/** As long as what is signed of a task: a context and two hashes. */
const bytes = new Uint8Array(80).fill(7)

/** Milliseconds of processor time that the signatures of a task take by themselves, in one thread. */
export async function signatureMs(): Promise<number> {
  const signer = await nodeEngine.signerFromSeed(new Uint8Array(32).fill(9))
  const { self, sign, verify } = createCryptoPort({ signer, engine: nodeEngine, sha256: nodeSha256 })
  const signature = await sign(bytes)
  const round = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      for (let i = 0; i < signed; i++) await sign(bytes)
      for (let i = 0; i < checked; i++) {
        if (!(await verify(self, bytes, signature))) throw new Error('a right signature was refused')
      }
    }
  }
  await round(times / 10)
  const before = process.cpuUsage()
  await round(times)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000 / times
}
