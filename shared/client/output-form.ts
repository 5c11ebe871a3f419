import { ClientError } from './client-error.ts'
import { fromBase64, outputTextOf } from './output-text.ts'
import type { BlobResult, BytesResult, ItemResult } from './result-line.ts'

/** What a run makes of outputs. */
export interface OutputForm<R> {
  /** Asks the relay for lines in this form; begins with `&`. */
  readonly query: string
  /** Of an output that stands in its line. */
  inline(result: ItemResult): R
  /** Of one that is a blob. */
  blob(result: BlobResult, bytes: Uint8Array): R
}

/** JSON, texts, and `{"base64":"…"}` for bytes that are no text. */
export const jsonForm: OutputForm<ItemResult> = {
  query: '',
  inline: (result) => result,
  blob: ({ index, taskId, status }, bytes) => ({ index, taskId, status, ...outputTextOf(bytes) }),
}

/** The very bytes, which a line of JSON does not always tell. */
export const bytesForm: OutputForm<BytesResult> = {
  query: '&output=base64',
  inline(result) {
    if (result.status === 'failed') return result
    const { index, taskId, status } = result
    const output = fromBase64(result.output)
    if (output !== undefined) return { index, taskId, status, output }
    throw new ClientError('BadAnswer', 'The relay sent an output that is not in base64')
  },
  blob: ({ index, taskId, status }, output) => ({ index, taskId, status, output }),
}
