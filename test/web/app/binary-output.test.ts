import { expect, test } from 'vitest'
import type { JsonValue } from '../../../shared/client/item-splitter.ts'
import { outputTextOf } from '../../../shared/client/output-text.ts'
import { binaryOf, binarySizeOf } from '../../../web/app/binary-output.ts'

test.each([1, 2, 3, 64, 1_000])(
  'WEB-02 %i bytes that are no text are shown by their size and saved as they were',
  (size) => {
    const bytes = new Uint8Array(size).fill(0xff)
    const { output } = outputTextOf(bytes)
    expect(binarySizeOf(output)).toBe(size)
    expect(binaryOf(output)).toEqual(bytes)
  },
)

test.each<JsonValue>([
  null,
  'AAAA',
  ['AAAA'],
  {},
  { base64: 1 },
  { base64: 'AAA' },
  { base64: 'AA A' },
  { base64: 'AAAA', more: 1 },
  { base64: `${'-'.repeat(60)}${'A'.repeat(60)}` },
])('WEB-02 %j is no binary output', (output) => {
  expect(binarySizeOf(output)).toBeUndefined()
})
