import { type Refusal, refuse } from '../kernel/refusal.ts'
import { CsvSplitter } from './csv-splitter.ts'
import type { ItemSplitter, JsonValue } from './item-splitter.ts'
import { LineSplitter } from './line-splitter.ts'

/** How a file becomes the items of a job; `single`: the file is one item. */
export type MapKind = ListKind | 'single'
export type ListKind = 'lines' | 'csv' | 'json'
export const mapKinds: readonly ListKind[] = ['lines', 'csv', 'json']

/**
 * The items of a file (FORMATS, "CLI"). `name` is the file's: without a map one whose name ends in `.json` is parsed.
 * A refusal says what is wrong and where, without the file's name.
 */
export function mapInput(bytes: Uint8Array, map: MapKind, name: string): readonly JsonValue[] | Refusal {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse('NotUtf8', 'not UTF-8 text')
  }
  switch (map) {
    case 'lines':
      return split(text, new LineSplitter())
    case 'csv':
      return split(text, new CsvSplitter())
    case 'json':
      return elementsOf(text)
    case 'single': {
      if (!name.endsWith('.json')) return [text]
      const value = parseJson(text)
      return value === undefined ? notJson(text) : [value]
    }
  }
}

/** What a program may be given: a JSON value, or bytes as they are. */
export type JobInput = JsonValue | Uint8Array

/** What the program gets of an item; `undefined` for what is neither JSON nor bytes. */
export function inputBytes(item: JobInput): Uint8Array
export function inputBytes(item: unknown): Uint8Array | undefined
export function inputBytes(item: unknown): Uint8Array | undefined {
  if (item instanceof Uint8Array) return item
  let text: string | undefined
  try {
    text = JSON.stringify(item)
  } catch {
    // In a circle, or a bigint.
  }
  return text === undefined ? undefined : new TextEncoder().encode(text)
}

function split(text: string, splitter: ItemSplitter): readonly JsonValue[] | Refusal {
  const items: JsonValue[] = []
  return splitter.push(text, items) ?? splitter.end(items) ?? items
}

function elementsOf(text: string): readonly JsonValue[] | Refusal {
  const value = parseJson(text)
  if (value === undefined) return notJson(text)
  return Array.isArray(value) ? value : refuse('NotAnArray', 'not a JSON array')
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function notJson(text: string): Refusal {
  let why = ''
  try {
    JSON.parse(text)
  } catch (error) {
    why = error instanceof Error ? `: ${error.message}` : ''
  }
  return refuse('NotJson', `not a JSON text${why}`)
}
