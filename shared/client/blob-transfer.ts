import { createSHA256 } from 'hash-wasm'
import type { CryptoPort } from '../host/crypto-port.ts'
import { concatBytes, toHex } from '../kernel/bytes.ts'
import type { Hash } from '../kernel/ids.ts'
import { ClientError, RelayAway } from './client-error.ts'
import { RefusedRequest } from './relay-answer.ts'
import type { RelayHttp } from './relay-http.ts'

/** Blobs from this size on are looked for at the relay before they are uploaded, in bytes. */
const lookedForBytes = 64 * 1024
/** Larger blobs are uploaded in parts of this size, and gone on with after a cut, in bytes. */
const partBytes = 1024 * 1024
/** A relay that keeps saying another offset than it takes is broken. */
const wrongOffsetsMax = 8
/** Answers in a row that break off before the first byte. */
const cutsMax = 8

/** Blobs to and from a relay, gone on with when the connection was cut. */
export class BlobTransfer {
  readonly #http: RelayHttp
  readonly #crypto: Pick<CryptoPort, 'sha256'>

  constructor(http: RelayHttp, crypto: Pick<CryptoPort, 'sha256'>) {
    this.#http = http
    this.#crypto = crypto
  }

  /** Resolves when the relay has the blob, also when it had it before. Rejects with a ClientError. */
  async upload(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const hash = toHex(this.#crypto.sha256(bytes)) as Hash
    const path = `/api/v1/blobs/${hash}`
    if (bytes.length <= partBytes) {
      if (bytes.length >= lookedForBytes && (await this.#received(path, signal)) === true) return
      return void (await this.#put(path, bytes, signal))
    }
    let offset = await this.#received(path, signal)
    for (let wrongOffsets = 0; offset !== true; ) {
      const part = bytes.subarray(offset, offset + partBytes)
      try {
        const response = await this.#put(`${path}?offset=${offset}&total=${bytes.length}`, part, signal)
        if (response.status === 204) return
        offset += part.length
      } catch (error) {
        // What a cut connection carried may have arrived all the same.
        if (!isWrongOffset(error) || ++wrongOffsets > wrongOffsetsMax) throw error
        offset = await this.#received(path, signal)
      }
    }
  }

  /**
   * The bytes of a blob as they come. Rejects with a ClientError `BadAnswer` at the end when they are not those of the
   * hash: until then they are not to be trusted.
   */
  async *download(hash: Hash, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const sha256 = (await createSHA256()).init()
    for await (const part of this.#stream(hash, signal)) {
      sha256.update(part)
      yield part
    }
    if (sha256.digest('hex') !== hash) throw notTheBlob()
  }

  /** The whole blob, checked against its hash. */
  async read(hash: Hash, signal: AbortSignal): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for await (const part of this.#stream(hash, signal)) parts.push(part)
    const bytes = concatBytes(...parts)
    if (toHex(this.#crypto.sha256(bytes)) === hash) return bytes
    throw notTheBlob()
  }

  async *#stream(hash: Hash, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let cuts = 0
    for (let received = 0; ; ) {
      const before = received
      const response = await this.#get(hash, received, signal)
      const totalBytes = received + Number(response.headers.get('content-length') ?? Number.NaN)
      try {
        for await (const part of partsOf(response)) {
          received += part.length
          yield part
        }
      } catch {
        signal.throwIfAborted()
      }
      if (Number.isNaN(totalBytes) || received >= totalBytes) return
      cuts = received > before ? 0 : cuts + 1
      if (cuts >= cutsMax) throw new ClientError('Unreachable', 'The relay breaks off every answer')
    }
  }

  async #get(hash: Hash, offset: number, signal: AbortSignal): Promise<Response> {
    const headers = offset === 0 ? {} : { range: `bytes=${offset}-` }
    const request = { method: 'GET', path: `/api/v1/blobs/${hash}`, headers }
    const response = await this.#http.persist(() => this.#http.send(request, signal), signal)
    if (offset === 0 || response.status === 206) return response
    throw new ClientError('BadAnswer', 'The relay began a blob anew in the middle')
  }

  /** How many bytes of it the relay has of this client; true when it has the blob. */
  async #received(path: string, signal: AbortSignal): Promise<number | true> {
    return await this.#http.persist(async () => {
      try {
        await this.#http.send({ method: 'HEAD', path }, signal)
        return true
      } catch (error) {
        if (!(error instanceof RefusedRequest) || error.status !== 404) throw error
        return Number(error.headers.get('tabmesh-received') ?? 0)
      }
    }, signal)
  }

  async #put(path: string, body: Uint8Array, signal: AbortSignal): Promise<Response> {
    const request = { method: 'PUT', path, body, contentType: 'application/octet-stream' }
    return await this.#http.persist(() => this.#http.send(request, signal), signal)
  }
}

const notTheBlob = (): ClientError =>
  new ClientError('BadAnswer', 'The relay sent an output that is not the one it named')

const isWrongOffset = (error: unknown): boolean =>
  error instanceof RefusedRequest && (error.problem === 'WrongOffset' || error.problem === 'UploadUnderWay')

async function* partsOf(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) throw new RelayAway('the answer has no body')
  const reader = response.body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
