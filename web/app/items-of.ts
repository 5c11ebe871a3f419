import type { JsonValue } from '../../shared/client/item-splitter.ts'
import { mapInput } from '../../shared/client/map-input.ts'
import type { Refusal } from '../../shared/kernel/refusal.ts'
import type { ItemKind } from './items.ts'

/** The items of an input, none when it is empty; a refusal says what is wrong with it, and where. */
export function itemsOf(bytes: Uint8Array, kind: ItemKind): readonly JsonValue[] | Refusal {
  if (kind === 'text') return mapInput(bytes, 'single', '')
  if (kind !== 'lines' && bytes.every(isJsonSpace)) return []
  return kind === 'value' ? mapInput(bytes, 'single', '.json') : mapInput(bytes, kind, '')
}

const isJsonSpace = (byte: number): boolean => byte === 32 || byte === 9 || byte === 10 || byte === 13
