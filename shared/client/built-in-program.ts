import { builtInName } from './call-check.ts'
import { ClientError, RelayAway } from './client-error.ts'
import { RefusedRequest } from './relay-answer.ts'
import type { RelayHttp } from './relay-http.ts'

const wasmMagic = [0, 0x61, 0x73, 0x6d]

/** The bytes of a built-in program: a relay serves them beside its page. */
export async function readBuiltIn(http: RelayHttp, given: string, signal: AbortSignal): Promise<Uint8Array> {
  const name = builtInName(given)
  const read = async () => {
    const response = await http.send({ method: 'GET', path: `/programs/${name}.wasm` }, signal)
    try {
      return new Uint8Array(await response.arrayBuffer())
    } catch (error) {
      throw signal.aborted ? signal.reason : new RelayAway('the answer broke off', error)
    }
  }
  const lacks = `The relay serves no built-in program ${name}; programs/README.md lists their names`
  const bytes = await http.persist(read, signal).catch((error: unknown) => {
    const isUnknown = error instanceof RefusedRequest && error.status === 404
    throw isUnknown ? new ClientError('BadOptions', lacks, error) : error
  })
  if (wasmMagic.every((byte, at) => bytes[at] === byte)) return bytes
  throw new ClientError('BadAnswer', `What the relay serves as the built-in program ${name} is none`)
}
