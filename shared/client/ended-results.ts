import type { Hash } from '../kernel/ids.ts'
import { BlobTransfer } from './blob-transfer.ts'
import { ClientError, RelayAway } from './client-error.ts'
import type { JsonValue } from './item-splitter.ts'
import type { ClientParts } from './job-window.ts'
import { jsonForm } from './output-form.ts'
import { hasEnded, type Report } from './reports.ts'
import { type ItemResult, LineReader, parseResultLine } from './result-line.ts'

const askFirstMs = 250
const askMsMax = 2_000
/** Answers in a row that break off before the first line. */
const cutsMax = 8

/** The results of a job's items that have ended, in order, gone on with where the answer broke off. */
export async function* endedResults(
  { http, crypto, clock }: ClientParts,
  jobId: string,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<ItemResult> {
  const blobs = new BlobTransfer(http, crypto)
  let cuts = 0
  for (let next = from; ; ) {
    const before = next
    const path = `/api/v1/jobs/${encodeURIComponent(jobId)}/results?from=${next}&held=false`
    const response = await http.persist(() => http.send({ method: 'GET', path }, signal), signal)
    const lines = new LineReader(response.body!)
    try {
      for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
        const result = parseResultLine(line)
        if (result.index < next) throw new ClientError('BadAnswer', 'The relay sent results out of order')
        next = result.index + 1
        if (!('outputBlob' in result)) yield result
        else yield jsonForm.blob(result, await blobs.read(result.outputBlob.hash as Hash, signal))
      }
      return
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ClientError) throw error
    } finally {
      await lines.close()
    }
    cuts = next > before ? 0 : cuts + 1
    if (cuts >= cutsMax) throw new ClientError('Unreachable', 'The relay breaks off every answer')
    await clock.sleep(askFirstMs, signal)
  }
}

/** Asks for a task until it has ended. */
export async function taskResult(
  { http, crypto, clock }: ClientParts,
  taskId: string,
  signal: AbortSignal,
): Promise<ItemResult> {
  const path = `/api/v1/tasks/${encodeURIComponent(taskId)}`
  for (let waitMs = askFirstMs; ; waitMs = Math.min(askMsMax, 2 * waitMs)) {
    const ask = async () => {
      const answer = await http.text({ method: 'GET', path }, signal)
      return { text: answer, report: parsed(answer) }
    }
    const { text, report } = await http.persist(ask, signal)
    if (hasEnded(report as Report)) {
      const hash = report.outputBlob?.hash
      const bytes = hash === undefined ? undefined : await new BlobTransfer(http, crypto).read(hash, signal)
      return resultOf(report, text, bytes)
    }
    await clock.sleep(waitMs, signal)
  }
}

interface EndedReport {
  readonly taskId: string
  readonly status: string
  readonly index?: number
  readonly output?: JsonValue
  readonly error?: { readonly kind: string; readonly message: string }
  readonly outputBlob?: { readonly hash: Hash }
}

function resultOf(report: EndedReport, text: string, blob: Uint8Array | undefined): ItemResult {
  const { index = 0, taskId, output, error } = report
  const head = { index, taskId }
  if (blob !== undefined) {
    const { hash } = report.outputBlob!
    const sizeBytes = blob.length
    return jsonForm.blob({ ...head, status: 'completed', outputBlob: { hash, sizeBytes } }, blob)
  }
  if (output !== undefined) {
    return { ...head, status: 'completed', output, outputText: rawOutput(text) ?? JSON.stringify(output) }
  }
  if (typeof error?.kind === 'string' && typeof error.message === 'string') {
    return { ...head, status: 'failed', error: { kind: error.kind, message: error.message } }
  }
  throw new ClientError('BadAnswer', 'The relay told the end of a task without its outcome')
}

/** The output as the program wrote it, which stands last in the report. */
function rawOutput(report: string): string | undefined {
  const at = report.indexOf(',"output":')
  const raw = report.slice(at + ',"output":'.length, -1)
  try {
    JSON.parse(raw)
    return raw
  } catch {
    return undefined
  }
}

function parsed(text: string): EndedReport {
  try {
    const report = JSON.parse(text) as Partial<EndedReport> | null
    if (typeof report?.taskId === 'string' && typeof report.status === 'string') return report as EndedReport
  } catch (error) {
    throw new RelayAway('the answer broke off', error)
  }
  throw new ClientError('BadAnswer', 'The relay tells of something else')
}
