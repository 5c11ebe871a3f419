import type { FastifyRequest } from 'fastify'
import { requestFreshMs, requestSigningBytes, signingHeaders } from '../../shared/client/http-signing.ts'
import { ReplayWindow } from '../../shared/envelope/replay-window.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { fromHex, toHex } from '../../shared/kernel/bytes.ts'
import type { Hash, Instant, PeerId } from '../../shared/kernel/ids.ts'
import { peerIdText } from '../../shared/kernel/shape.ts'
import { instantPattern } from '../../shared/task/task-shape.ts'
import { nodeSha256 } from '../keys/node-sha256.ts'
import { Problem } from './problem.ts'

/** Ids in one generation of the replay window; under a flood they are forgotten early rather than honest requests refused. */
const idsMax = 100_000
const uuidV4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const noBody = new Uint8Array(0)

/** Who sent a request: the key that signed it, fresh and once. */
export class RequestAuthentication {
  readonly #networkId: Hash
  readonly #verify: CryptoPort['verify']
  readonly #now: () => number
  readonly #seen: ReplayWindow

  constructor(networkId: Hash, verify: CryptoPort['verify'], now: () => number = Date.now) {
    this.#networkId = networkId
    this.#verify = verify
    this.#now = now
    this.#seen = new ReplayWindow(idsMax)
  }

  /** What can be said of a signature before the body is there. Throws a Problem where it cannot be right. */
  check(request: FastifyRequest): void {
    this.#read(request)
  }

  /** Throws a Problem that says what is wrong with the signature. `body` is what arrived, byte for byte. */
  async sender(request: FastifyRequest, body: Uint8Array = noBody): Promise<PeerId> {
    return await this.senderOf(request, toHex(nodeSha256(body)) as Hash)
  }

  /** As `sender`, of a request whose body has this SHA-256: whether it has is for the caller to see. */
  async senderOf(request: FastifyRequest, bodyHash: Hash): Promise<PeerId> {
    const { key, id, time, signature } = this.#read(request)
    const head = { networkId: this.#networkId, method: request.method, path: request.raw.url ?? '', id, time }
    const signed = requestSigningBytes(head, bodyHash)
    if (!(await this.#verify(key, signed, fromHex(signature)))) {
      throw new Problem(
        'BadSignature',
        `The signature is not that of ${key} over this request in this network`,
      )
    }
    if (!this.#seen.take(`${key}/${id}`, this.#now() as Instant)) {
      throw new Problem('Replayed', `A request with the id ${id} was here before: take a new one`)
    }
    return key
  }

  #read(request: FastifyRequest): SignatureHeaders {
    const key = header(request, signingHeaders.key)
    const id = header(request, signingHeaders.id)
    const time = header(request, signingHeaders.time)
    const signature = header(request, signingHeaders.signature)
    if (peerIdText.check(key, 'key') !== undefined) throw malformed(signingHeaders.key, 'a peer id')
    if (!uuidV4.test(id)) throw malformed(signingHeaders.id, 'a UUID v4 in lower case')
    if (!/^[0-9a-f]{128}$/.test(signature))
      throw malformed(signingHeaders.signature, '128 lowercase hex digits')
    const sentAt = instantPattern.test(time) ? Date.parse(time) : Number.NaN
    if (Number.isNaN(sentAt)) throw malformed(signingHeaders.time, 'a time as 2025-01-31T12:00:00.000Z')
    const now = this.#now()
    if (Math.abs(now - sentAt) > requestFreshMs) {
      const clock = new Date(now).toISOString()
      throw new Problem(
        'StaleRequest',
        `The request says it is of ${time}, here it is ${clock}: set the clock`,
      )
    }
    return { key: key as PeerId, id, time, signature }
  }
}

interface SignatureHeaders {
  readonly key: PeerId
  readonly id: string
  readonly time: string
  readonly signature: string
}

function header(request: FastifyRequest, name: string): string {
  const value = request.headers[name]
  if (typeof value === 'string') return value
  throw new Problem('NotSigned', `The header ${name} is missing: requests to this address are signed`)
}

const malformed = (name: string, expected: string): Problem =>
  new Problem('MalformedSignature', `The header ${name} is not ${expected}`)
