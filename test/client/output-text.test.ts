import { describe, expect, test } from 'vitest'
import { outputBytesOf, outputTextOf } from '../../shared/client/output-text.ts'

const utf8 = new TextEncoder()

describe('an output in a line of results', () => {
  test.each([
    ['JSON', '{"a": 1}', '{"a": 1}'],
    ['JSON with a line break at its end, as C programs print it', '{"a": 1}\n', '{"a": 1}'],
    ['JSON over several lines', '{\n"a": 1}\n', '"{\\n\\"a\\": 1}\\n"'],
    ['JSON with two line breaks at its end', '1\n\n', '"1\\n\\n"'],
    ['JSON with a carriage return', '1\r\n', '"1\\r\\n"'],
    ['a text', 'hello', '"hello"'],
    ['a text with a line break at its end', 'hello\n', '"hello\\n"'],
    ['nothing', '', '""'],
    ['a line break', '\n', '"\\n"'],
    ['a byte order mark', '\ufeff1', '"\ufeff1"'],
    ['text that says it is base64', '{"base64":"AAA="}', '{"base64":"AAA="}'],
    ['numbers as the program wrote them', '1.0', '1.0'],
  ])('%s', (_name, written, outputText) => {
    const line = outputTextOf(utf8.encode(written))
    expect(line.outputText).toBe(outputText)
    expect(line.output).toEqual(JSON.parse(outputText))
    expect(line.outputText).not.toMatch(/[\r\n]/)
    expect(outputBytesOf(line)).toContainEqual(utf8.encode(written))
  })

  test('bytes that are no text', () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256)
    const line = outputTextOf(bytes)
    expect(line.output).toEqual({ base64: Buffer.from(bytes).toString('base64') })
    expect(outputBytesOf(line)).toContainEqual(bytes)
  })

  test.each([[{ base64: '***' }], [{ base64: 1 }], [null], [[]], [7]])('%j is no base64', (output) => {
    const outputText = JSON.stringify(output)
    expect(outputBytesOf({ output, outputText })).toEqual([
      utf8.encode(outputText),
      utf8.encode(`${outputText}\n`),
    ])
  })
})
