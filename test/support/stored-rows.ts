import { decodeCanonical } from '../../shared/kernel/codec.ts'
import type { Row } from '../../shared/kernel/machine.ts'

/** The rows of a disk of encoded values, in key order as a store lists them. */
export const rowsOf = (disk: ReadonlyMap<string, Uint8Array>): Row[] =>
  [...disk]
    .map(([key, bytes]) => ({ key, value: decodeCanonical(bytes) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
