import { ClientError } from './client-error.ts'
import type { JsonValue } from './item-splitter.ts'

/** The end of one item. */
export type ItemResult = CompletedItem | FailedItem

/** The same, with the output as the bytes that the program wrote. */
export type BytesResult = CompletedBytes | FailedItem

export interface CompletedItem {
  readonly index: number
  readonly taskId: string
  readonly status: 'completed'
  readonly output: JsonValue
  /** The program's own bytes, as the receipt has their hash. */
  readonly outputText: string
}

export interface CompletedBytes {
  readonly index: number
  readonly taskId: string
  readonly status: 'completed'
  readonly output: Uint8Array
}

export interface FailedItem {
  readonly index: number
  readonly taskId: string
  readonly status: 'failed'
  readonly error: { readonly kind: string; readonly message: string }
}

/** A result whose output is too large to stand in a line. */
export interface BlobResult {
  readonly index: number
  readonly taskId: string
  readonly status: 'completed'
  readonly outputBlob: { readonly hash: string; readonly sizeBytes: number }
}

const head =
  /^\{"index":(0|[1-9]\d{0,15}),"taskId":"([0-9a-f-]{36})","status":"(completed|failed)","(output|outputBlob|error)":/

/** One line of results in the form of FORMATS; the raw text of the output is cut out of it, not written anew. */
export function parseResultLine(line: string): ItemResult | BlobResult {
  const match = head.exec(line)
  if (match === null || !line.endsWith('}')) throw badLine()
  const [start, indexText, taskId, status, field] = match
  const index = Number(indexText)
  const raw = line.slice(start.length, -1)
  const value = parse(raw)
  if (status === 'completed' && field === 'output') {
    return { index, taskId: taskId!, status, output: value, outputText: raw }
  }
  if (status === 'completed' && field === 'outputBlob') {
    const { hash, sizeBytes } = (value ?? {}) as { hash?: unknown; sizeBytes?: unknown }
    if (typeof hash !== 'string' || typeof sizeBytes !== 'number') throw badLine()
    return { index, taskId: taskId!, status, outputBlob: { hash, sizeBytes } }
  }
  const { kind, message } = (value ?? {}) as { kind?: unknown; message?: unknown }
  if (status !== 'failed' || typeof kind !== 'string' || typeof message !== 'string') throw badLine()
  return { index, taskId: taskId!, status, error: { kind, message } }
}

/** The line of a result, as `submit --json` prints it. */
export function formatResultLine(result: ItemResult): string {
  const start = `{"index":${result.index},"taskId":"${result.taskId}","status":"${result.status}"`
  return result.status === 'completed'
    ? `${start},"output":${result.outputText}}`
    : `${start},"error":${JSON.stringify(result.error)}}`
}

function parse(raw: string): JsonValue {
  try {
    return JSON.parse(raw)
  } catch {
    throw badLine()
  }
}

const badLine = (): ClientError => new ClientError('BadAnswer', 'The relay sent a result that cannot be read')

/** The lines of a body as they come. */
export class LineReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()
  #rest = ''

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader()
  }

  /** The next line without its break; `undefined` at the end. Rejects when the connection is cut. */
  async next(): Promise<string | undefined> {
    let end = this.#rest.indexOf('\n')
    while (end < 0) {
      const { done, value } = await this.#reader.read()
      if (done) return undefined
      const from = this.#rest.length
      this.#rest += this.#decoder.decode(value, { stream: true })
      end = this.#rest.indexOf('\n', from)
    }
    const line = this.#rest.slice(0, end)
    this.#rest = this.#rest.slice(end + 1)
    return line
  }

  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => {})
  }
}
