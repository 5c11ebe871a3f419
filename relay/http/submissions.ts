import { type SubmissionJson, submissionFromJson } from '../../shared/client/submission-json.ts'
import type { Counters } from '../../shared/host/counters.ts'
import type { Hash, JobId, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import { BlobRefusal } from '../../shared/storage/blob-store.ts'
import { taskTypes } from '../../shared/task/intake.ts'
import type { Admittance, Submission } from '../../shared/task/messages.ts'
import { inlineBytesMax, sizeOf } from '../../shared/task/payload.ts'
import {
  blobPayloadBytesMax,
  blobPayloadTooLarge,
  payloadBytesMax,
  payloadTooLarge,
} from '../../shared/task/task.ts'
import { meaningOf, Problem } from './problem.ts'
import type { ProblemCode } from './problem-codes.ts'
import type { RelayApi } from './relay-api.ts'
import type { SubmissionBody } from './schemas.ts'

/** Takes submissions from requests: checks what only this side can, and hands the rest to the coordinator. */
export class Submissions {
  readonly #api: RelayApi
  readonly #counters: Counters

  constructor(api: RelayApi, counters: Counters) {
    this.#api = api
    this.#counters = counters
  }

  /** One admittance per item, in order. Throws a Problem when the job is another's, or the relay has no room. */
  async submit(from: PeerId, bodies: readonly SubmissionBody[]): Promise<readonly Admittance[]> {
    await this.#checkJobs(from, bodies)
    const items = await Promise.all(bodies.map((body) => this.#read(body)))
    const missing = await this.#missingBlobs(items)
    const refused = items.map(({ task }, at) => tooLargeInline(task.taskId, bodies[at]!) ?? missing[at])
    const admitted = [
      ...(await this.#api.submit(
        from,
        items.filter((_, at) => refused[at] === undefined),
      )),
    ]
    return items.map((_, at) => {
      const admittance = refused[at] ?? admitted.shift()!
      // What the coordinator refuses it counts itself; it does not see what is refused before.
      const isSeen =
        refused[at] === undefined && !(!admittance.accepted && admittance.code === 'BadSignature')
      if (!admittance.accepted && !isSeen) {
        this.#counters.add('tasks_rejected_total', admittance.code)
      }
      return admittance
    })
  }

  async #checkJobs(from: PeerId, bodies: readonly SubmissionBody[]): Promise<void> {
    const jobIds = new Set(bodies.map(({ task }) => task.jobId).filter((jobId) => jobId !== null))
    for (const jobId of jobIds) {
      const job = await this.#api.job(jobId as JobId)
      if (job === undefined || job.submitter === from) continue
      throw new Problem('Forbidden', `Forbidden: job ${jobId} belongs to another submitter`)
    }
  }

  /** Input that came inline and is too large to stay so becomes a blob; over the limit, one that is never kept. */
  async #read(body: SubmissionBody): Promise<Submission> {
    if (body.input.kind === 'inline' && body.input.bytes.length % 2 !== 0) {
      throw new Problem('MalformedRequest', 'body.input.bytes: an odd number of hex digits')
    }
    const json = { priority: 'normal', ...body } as SubmissionJson
    // What is refused for its size in the end need not be decoded.
    if (isTooLargeInline(body)) return submissionFromJson({ ...json, input: { kind: 'inline', bytes: '' } })
    const submission = submissionFromJson(json)
    const { input } = submission
    if (input.kind === 'blob' || input.bytes.length <= inlineBytesMax) return submission
    return {
      ...submission,
      input: { kind: 'blob', hash: await this.#keep(input.bytes), sizeBytes: input.bytes.length },
    }
  }

  async #keep(bytes: Uint8Array) {
    try {
      return await this.#api.blobs.put(bytes)
    } catch (error) {
      throw error instanceof BlobRefusal ? noRoom(error) : error
    }
  }

  /** Nobody could run a task whose program or input is not here. What is refused for another reason is left alone. */
  async #missingBlobs(items: readonly Submission[]): Promise<(Admittance | undefined)[]> {
    const wanted = items.map(({ task, input, programSizeBytes, taskType }) => {
      const isRefusedAnyway =
        programSizeBytes > blobPayloadBytesMax ||
        sizeOf(input) > blobPayloadBytesMax ||
        !taskTypes.includes(taskType)
      if (isRefusedAnyway) return []
      return input.kind === 'blob' ? [task.programHash, input.hash] : [task.programHash]
    })
    const missing = new Set<Hash>()
    for (const hash of new Set(wanted.flat())) if (!(await this.#api.blobs.has(hash))) missing.add(hash)
    return items.map(({ task: { taskId } }, at) => {
      const hash = wanted[at]!.find((each) => missing.has(each))
      if (hash === undefined) return undefined
      const message = `blob ${hash} of task ${taskId} is not here: PUT /api/v1/blobs/${hash} first`
      return { taskId, accepted: false, code: 'BlobMissing', message }
    })
  }
}

/** TSK-02: what is in the request itself; larger inputs go as blobs. */
const isTooLargeInline = ({ input }: SubmissionBody): boolean =>
  input.kind === 'inline' && input.bytes.length > 2 * payloadBytesMax

function tooLargeInline(taskId: TaskId, body: SubmissionBody): Admittance | undefined {
  if (!isTooLargeInline(body)) return undefined
  return { taskId, accepted: false, code: 'PayloadTooLarge', message: payloadTooLarge }
}

export const noRoom = (error: BlobRefusal): Problem =>
  error.code === 'Full'
    ? new Problem('StorageFull', 'The relay has no room for more blobs, try again later', 60)
    : new Problem('PayloadTooLarge', blobPayloadTooLarge)

/** What a single refused submission is answered with; it has been counted. */
export class RefusedSubmission extends Problem {
  constructor({ code, message }: Extract<Admittance, { readonly accepted: false }>) {
    const meaning = meaningOf(code)
    const status = meaning?.submissionStatus ?? meaning?.status ?? 422
    super(code as ProblemCode, message, code === 'QueueFull' ? queueFullSeconds : undefined, status)
  }
}

const queueFullSeconds = 10
