import type { Refusal } from '../kernel/refusal.ts'

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue }

/** Makes items of a text that comes in pieces, cut anywhere. What stands before a fault has been given. */
export interface ItemSplitter {
  /** Adds the items that are whole now. A refusal says what is wrong and where; nothing may follow it. */
  push(text: string, items: JsonValue[]): Refusal | undefined
  /** The text is at its end. */
  end(items: JsonValue[]): Refusal | undefined
}

/** A single item of more characters is not gathered: it could not be submitted, and memory is not without end. */
export const itemCharactersMax = 256 * 2 ** 20
