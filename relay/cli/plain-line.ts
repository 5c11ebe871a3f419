import type { JsonValue } from '../../shared/client/item-splitter.ts'
import { outputBytesOf } from '../../shared/client/output-text.ts'
import type { ItemResult } from '../../shared/client/result-line.ts'
import { oneLine } from './one-line.ts'

/**
 * `submit` without `--json`: one line for each item, the output as JSON and a text unquoted, without the line break at
 * its end. A text that would not fit one line stays quoted; an item that failed keeps its line and says so.
 */
export function plainLine(result: ItemResult): string {
  if (result.status === 'failed') return `failed: ${result.error.kind}: ${oneLine(result.error.message)}`
  const { output, outputText } = result
  if (typeof output !== 'string') return outputText
  const line = output.endsWith('\n') ? output.slice(0, -1) : output
  return isOneLine(line) ? line : outputText
}

const isOneLine = (text: string): boolean => !/[\r\n]/.test(text) && text.isWellFormed()

/** The bytes that a program may have written where there is this plain line. */
export function outputsOfPlainLine(line: string): readonly Uint8Array[] {
  const quoted = JSON.stringify(line)
  return [
    ...outputBytesOf({ output: parsed(line), outputText: line }),
    ...outputBytesOf({ output: line, outputText: quoted }),
    new TextEncoder().encode(`${line}\n`),
  ]
}

function parsed(line: string): JsonValue {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
