import { ClientError } from './client-error.ts'
import { CsvSplitter } from './csv-splitter.ts'
import type { ItemSplitter, JsonValue } from './item-splitter.ts'
import { JsonSplitter } from './json-splitter.ts'
import { LineSplitter } from './line-splitter.ts'
import type { ListKind } from './map-input.ts'

const splitters: Readonly<Record<ListKind, () => ItemSplitter>> = {
  lines: () => new LineSplitter(),
  csv: () => new CsvSplitter(),
  json: () => new JsonSplitter(),
}

/**
 * The items of a text as it comes: lines, CSV rows as objects, the elements of a JSON array or of NDJSON. No more of the
 * text is held than one item and what comes with it. Rejects with a ClientError `BadInput` that says what is wrong and
 * where, after the items before that, and with whatever reading it rejects with.
 */
export async function* itemsOf(
  text: AsyncIterable<Uint8Array | string>,
  kind: ListKind,
): AsyncGenerator<JsonValue> {
  const splitter = splitters[kind]()
  const decoder = new PieceDecoder()
  for await (const part of text) {
    const items: JsonValue[] = []
    const wrong = splitter.push(typeof part === 'string' ? part : decoder.decode(part), items)
    yield* items
    if (wrong !== undefined) throw badInput(wrong.message)
  }
  const items: JsonValue[] = []
  const rest = decoder.decode()
  const wrong = (rest === '' ? undefined : splitter.push(rest, items)) ?? splitter.end(items)
  yield* items
  if (wrong !== undefined) throw badInput(wrong.message)
}

/** UTF-8 in pieces. Drops one byte order mark: Node's own decoder drops a second one that comes in a piece of its own. */
class PieceDecoder {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #hasBegun = false

  /** Without a piece the text is at its end. */
  decode(piece?: Uint8Array): string {
    const text = this.#decode(piece)
    if (this.#hasBegun || text === '') return text
    this.#hasBegun = true
    return text.startsWith('\ufeff') ? text.slice(1) : text
  }

  #decode(piece: Uint8Array | undefined): string {
    try {
      return piece === undefined ? this.#decoder.decode() : this.#decoder.decode(piece, { stream: true })
    } catch {
      throw badInput('not UTF-8 text')
    }
  }
}

const badInput = (message: string): ClientError => new ClientError('BadInput', message)
