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
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for await (const part of text) {
    const items: JsonValue[] = []
    const wrong = splitter.push(typeof part === 'string' ? part : decode(decoder, part), items)
    yield* items
    if (wrong !== undefined) throw badInput(wrong.message)
  }
  const items: JsonValue[] = []
  const rest = decode(decoder)
  const wrong = (rest === '' ? undefined : splitter.push(rest, items)) ?? splitter.end(items)
  yield* items
  if (wrong !== undefined) throw badInput(wrong.message)
}

function decode(decoder: TextDecoder, part?: Uint8Array): string {
  try {
    return part === undefined ? decoder.decode() : decoder.decode(part, { stream: true })
  } catch {
    throw badInput('not UTF-8 text')
  }
}

const badInput = (message: string): ClientError => new ClientError('BadInput', message)
