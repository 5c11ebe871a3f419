import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode, rfc8949EncodeOptions } from 'cborg'
import { type HttpServer, startHttpServer } from '../../../relay/http/server.ts'
import { newSubmission, newUuid, type TaskPlan } from '../../../shared/client/new-submission.ts'
import { type SubmissionJson, submissionToJson } from '../../../shared/client/submission-json.ts'
import { Counters } from '../../../shared/host/counters.ts'
import type { CryptoPort } from '../../../shared/host/crypto-port.ts'
import type { Hash, JobId } from '../../../shared/kernel/ids.ts'
import { Conformance } from './conformance.ts'
import { type LoopbackOptions, LoopbackRelay } from './loopback-relay.ts'
import { newKey } from './test-keys.ts'

/** A relay's HTTP side over a whole network in this process. */
export interface HttpFixture {
  readonly relay: LoopbackRelay
  readonly server: HttpServer
  readonly counters: Counters
  readonly logged: string[]
  readonly key: CryptoPort
  /** The program's blob, there already. */
  readonly programHash: Hash
  /** Another server for the same relay. */
  listen(): Promise<HttpServer>
  /** Closes `server`. */
  close(): Promise<void>
}

export const program = new TextEncoder().encode('export default (x) => x')

export async function startHttp(
  options: LoopbackOptions & {
    readonly pageFolder?: string
    readonly now?: () => number
    readonly slowReaderMs?: number
  } = {},
): Promise<HttpFixture> {
  const counters = new Counters()
  const relay = await LoopbackRelay.start({ counters, ...options })
  const logged: string[] = []
  const empty = await mkdtemp(join(tmpdir(), 'tabmesh-page-'))
  const listen = () =>
    startHttpServer({
      api: relay,
      ...{ host: '127.0.0.1', port: 0, counters },
      pageFolder: options.pageFolder ?? empty,
      log: (level, message, fields) => logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
      ...(options.now === undefined ? {} : { now: options.now }),
      ...(options.slowReaderMs === undefined ? {} : { slowReaderMs: options.slowReaderMs }),
    })
  const server = await listen()
  const programHash = await relay.blobs.put(program)
  async function close(this: HttpFixture) {
    await this.server.close()
    await rm(empty, { recursive: true })
  }
  return { relay, server, listen, counters, logged, key: await newKey(), programHash, close }
}

export interface SignedOptions {
  readonly key?: CryptoPort
  readonly body?: string | Uint8Array
  readonly contentType?: string
  readonly id?: string
  readonly time?: string
  readonly networkId?: string
  /** What is signed in place of what is sent. */
  readonly signedPath?: string
  readonly signedMethod?: string
  readonly signedBody?: string | Uint8Array
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

/** Written after FORMATS, not after the code: what an outside program would do. */
export async function signedFetch(
  { server, relay, key: owner }: Pick<HttpFixture, 'server' | 'relay' | 'key'>,
  method: string,
  path: string,
  options: SignedOptions = {},
): Promise<Response> {
  const key = options.key ?? owner
  const id = options.id ?? randomUUID()
  const time = options.time ?? new Date().toISOString()
  const bodyHash = createHash('sha256')
    .update(options.signedBody ?? options.body ?? '')
    .digest('hex')
  const networkId = options.networkId ?? relay.networkId
  const head = [networkId, options.signedMethod ?? method, options.signedPath ?? path, id, time, bodyHash]
  const signed = Buffer.concat([Buffer.from('tabmesh/http/1'), encode(head, rfc8949EncodeOptions)])
  const response = await fetch(server.url + path, {
    method,
    headers: {
      'tabmesh-key': key.self,
      'tabmesh-id': id,
      'tabmesh-time': time,
      'tabmesh-signature': Buffer.from(await key.sign(new Uint8Array(signed))).toString('hex'),
      ...(options.body === undefined ? {} : { 'content-type': options.contentType ?? 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: options.body as string | Uint8Array<ArrayBuffer> }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  await conforms(server.url, method, path, response)
  return response
}

const documents = new Map<string, Promise<Conformance>>()

/** WEB-08: every answer that a test sees is one that the server's OpenAPI document has; streams by their head only. */
async function conforms(url: string, method: string, path: string, response: Response): Promise<void> {
  let document = documents.get(url)
  if (document === undefined) {
    document = Conformance.of(url)
    documents.set(url, document)
  }
  const isWhole = /json\b/.test(response.headers.get('content-type') ?? '') && response.body !== null
  const isStream = response.headers.get('content-type')?.includes('ndjson') ?? false
  const text = isWhole && !isStream ? await response.clone().text() : undefined
  const faults = (await document).faults(method, path, response, text)
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

export interface ProblemJson {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
}

/** Status and code of an answer that has to be a problem. */
export async function problem(response: Response): Promise<ProblemJson> {
  const type = response.headers.get('content-type')
  const text = await response.text()
  if (!type?.startsWith('application/problem+json'))
    throw new Error(`no problem: ${response.status} ${type} ${text}`)
  const body = JSON.parse(text) as ProblemJson
  if (body.status !== response.status) throw new Error(`status ${response.status} in a problem of ${text}`)
  return body
}

export const newJobId = (key: CryptoPort): JobId => newUuid(key) as JobId

/** A signed submission in its JSON form; `change` comes after signing. */
export async function submissionJson(
  fixture: Pick<HttpFixture, 'relay' | 'key' | 'programHash'>,
  input: unknown,
  plan: Partial<TaskPlan> & { readonly index?: number; readonly key?: CryptoPort } = {},
): Promise<SubmissionJson> {
  const { index = 0, key = fixture.key, ...rest } = plan
  const full: TaskPlan = {
    networkId: fixture.relay.networkId,
    programHash: fixture.programHash,
    programSizeBytes: program.length,
    taskType: 'javascript',
    jobId: null,
    ...rest,
  }
  const bytes = new TextEncoder().encode(JSON.stringify(input))
  return submissionToJson(await newSubmission(full, index, bytes, key, new Date()))
}

export async function jobJson(
  fixture: Pick<HttpFixture, 'relay' | 'key' | 'programHash'>,
  jobId: JobId,
  inputs: readonly unknown[],
  plan: Partial<TaskPlan> & { readonly first?: number; readonly key?: CryptoPort } = {},
): Promise<{ jobId: JobId; tasks: SubmissionJson[] }> {
  const { first = 0, ...rest } = plan
  const tasks = inputs.map((input, at) =>
    submissionJson(fixture, input, { ...rest, jobId, index: first + at }),
  )
  return { jobId, tasks: await Promise.all(tasks) }
}

/** The first lines of an answer that is held open. */
export async function firstLines(response: Response, count: number): Promise<string[]> {
  const reader = response.body!.getReader()
  const decoder = new TextDecoder()
  let text = ''
  while (text.split('\n').length <= count) {
    const { done, value } = await reader.read()
    if (done) break
    text += decoder.decode(value, { stream: true })
  }
  await reader.cancel()
  return text.split('\n').slice(0, count)
}
