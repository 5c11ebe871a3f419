import { createHash, randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { requestSigningBytes, signingHeaders } from '../../../shared/client/http-signing.ts'
import { newSubmission, type TaskPlan } from '../../../shared/client/new-submission.ts'
import { type SubmissionJson, submissionToJson } from '../../../shared/client/submission-json.ts'
import type { CryptoPort } from '../../../shared/host/crypto-port.ts'
import type { Hash } from '../../../shared/kernel/ids.ts'
import { newKey } from '../../relay/http/test-keys.ts'

export interface PreparedRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer
}

export interface Answered {
  readonly status: number
  readonly text: string
  /** From the first byte sent to the last one received, in ms. */
  readonly ms: number
}

const programText = Buffer.from('export default (x) => x')

/** One key at one relay, over one connection that is kept. */
export class RelayClient {
  readonly key: CryptoPort
  readonly networkId: Hash
  readonly #url: URL
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  private constructor(url: string, key: CryptoPort, networkId: Hash) {
    this.#url = new URL(url)
    this.key = key
    this.networkId = networkId
  }

  static async connect(url: string): Promise<RelayClient> {
    const { networkId } = (await (await fetch(`${url}/api/v1/network`)).json()) as { networkId: Hash }
    return new RelayClient(url, await newKey(), networkId)
  }

  async signed(method: string, path: string, body?: string | Buffer): Promise<PreparedRequest> {
    const bytes = body === undefined ? undefined : Buffer.from(body)
    const bodyHash = createHash('sha256')
      .update(bytes ?? '')
      .digest('hex') as Hash
    const [id, time] = [randomUUID(), new Date().toISOString()]
    const head = { networkId: this.networkId, method, path, id, time }
    const signature = Buffer.from(await this.key.sign(requestSigningBytes(head, bodyHash))).toString('hex')
    return {
      ...{ method, path },
      headers: {
        [signingHeaders.key]: this.key.self,
        [signingHeaders.id]: id,
        [signingHeaders.time]: time,
        [signingHeaders.signature]: signature,
        ...(bytes === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(bytes === undefined ? {} : { body: bytes }),
    }
  }

  async submission(input: Uint8Array, plan: Partial<TaskPlan> = {}): Promise<SubmissionJson> {
    const full: TaskPlan = {
      networkId: this.networkId,
      programHash: createHash('sha256').update(programText).digest('hex') as Hash,
      programSizeBytes: programText.length,
      ...{ taskType: 'javascript', jobId: null },
      ...plan,
    }
    return submissionToJson(await newSubmission(full, 0, input, this.key, new Date()))
  }

  async uploadProgram(): Promise<void> {
    const hash = createHash('sha256').update(programText).digest('hex')
    const put = await this.signed('PUT', `/api/v1/blobs/${hash}`, programText)
    await this.send({ ...put, headers: { ...put.headers, 'content-type': 'application/octet-stream' } })
  }

  send({ method, path, headers, body }: PreparedRequest): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const startedAt = performance.now()
      const length = body === undefined ? {} : { 'content-length': String(body.length) }
      const sent = request(
        new URL(path, this.#url),
        { method, agent: this.#agent, headers: { ...headers, ...length } },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (part: string) => {
            text += part
          })
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text, ms: performance.now() - startedAt }),
          )
          response.on('error', reject)
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
