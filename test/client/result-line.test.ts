import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatResultLine,
  type ItemResult,
  LineReader,
  parseResultLine,
} from '../../shared/client/result-line.ts'

const taskId = fc.uuid()
const completed = fc
  .record({ index: fc.nat(), taskId, value: fc.jsonValue() })
  .map(({ index, taskId: id, value }): ItemResult => {
    const outputText = JSON.stringify(value)
    return { index, taskId: id, status: 'completed', output: JSON.parse(outputText), outputText }
  })
const failed = fc
  .record({ index: fc.nat(), taskId, kind: fc.string(), message: fc.string({ unit: 'binary' }) })
  .map(({ index, taskId: id, ...error }): ItemResult => ({ index, taskId: id, status: 'failed', error }))

describe('WEB-08 a line of results', () => {
  test('WEB-08 reads as it was written, and is one line', () => {
    fc.assert(
      fc.property(fc.oneof(completed, failed), (result) => {
        const line = formatResultLine(result)
        expect(line).not.toContain('\n')
        expect(JSON.parse(line)).toMatchObject({ index: result.index, taskId: result.taskId })
        expect(parseResultLine(line)).toEqual(result)
      }),
    )
  })

  test('WEB-08 that is anything else is refused in words', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        expect(() => parseResultLine(line)).toThrow('The relay sent a result that cannot be read')
      }),
    )
  })
})

describe('a body read by lines', () => {
  const bodyOf = (chunks: readonly Uint8Array[]) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk)
        controller.close()
      },
    })

  test('gives the same lines however the bytes come in', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'é', '😀', ' '), maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.integer({ min: 1, max: 7 })), async (lines, cuts) => {
        const bytes = new TextEncoder().encode(lines.map((each) => `${each}\n`).join(''))
        const chunks: Uint8Array[] = []
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const size = cuts.length === 0 ? bytes.length : cuts[cut % cuts.length]!
          chunks.push(bytes.slice(at, at + size))
          at += size
        }
        const reader = new LineReader(bodyOf(chunks))
        for (const each of lines) expect(await reader.next()).toBe(each)
        expect(await reader.next()).toBeUndefined()
      }),
    )
  })

  test('gives no line that did not end', async () => {
    const reader = new LineReader(bodyOf([new TextEncoder().encode('whole\nhalf')]))
    expect([await reader.next(), await reader.next()]).toEqual(['whole', undefined])
  })
})
