import { outputTextOf, toBase64 } from '../../shared/client/output-text.ts'
import type { BlobStore } from '../../shared/storage/blob-store.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import { type Payload, sizeOf } from '../../shared/task/payload.ts'

/** TSK-11: larger results are named by their blob. */
const outputBytesMax = 1024 * 1024

/** What a line of results says of an ended task; the votes are left to the receipt. */
export type Ended = Pick<FinishedTask, 'task' | 'status' | 'output' | 'error'>

/** How outputs stand in lines: as text where they are text, or all as `{"base64":"…"}`. */
export type OutputsAs = 'json' | 'base64'

/** One line of FORMATS' NDJSON, without its line break. */
export async function resultLine(ended: Ended, blobs: BlobStore, as: OutputsAs = 'json'): Promise<string> {
  const { index, taskId } = ended.task
  const status = ended.status === 'completed' ? 'completed' : 'failed'
  return `{"index":${index},"taskId":"${taskId}","status":"${status}",${await resultField(ended, blobs, as)}}`
}

/** `"output":…` as the program wrote it, or `"error":…`; `"outputBlob":…` for what is too large. */
export async function resultField(
  { status, output, error }: Ended,
  blobs: BlobStore,
  as: OutputsAs = 'json',
): Promise<string> {
  if (status !== 'completed' || output === null) return `"error":${JSON.stringify(errorOf(status, error))}`
  if (sizeOf(output) <= outputBytesMax) {
    const bytes = output.kind === 'inline' ? output.bytes : await blobs.get(output.hash)
    if (bytes !== undefined) return `"output":${outputIn(as, bytes)}`
  }
  const { hash, sizeBytes } = output as Extract<Payload, { readonly kind: 'blob' }>
  return `"outputBlob":${JSON.stringify({ hash, sizeBytes })}`
}

const outputIn = (as: OutputsAs, bytes: Uint8Array): string =>
  as === 'json' ? outputTextOf(bytes).outputText : JSON.stringify({ base64: toBase64(bytes) })

/** An end that no quorum stands behind has words of its own. */
export function errorOf(status: Ended['status'], error: Ended['error']): { kind: string; message: string } {
  if (error !== null) return { kind: error.kind, message: error.message }
  if (status === 'cancelled') return { kind: 'cancelled', message: 'cancelled by its submitter' }
  return { kind: status, message: 'ended without an outcome' }
}
