import type { ItemResult } from '../../shared/client/result-line.ts'
import { oneLine } from './voice.ts'

/**
 * `submit` without `--json`: one line for each item, the output as JSON and a text unquoted. A text that would not fit
 * one line stays quoted; an item that failed keeps its line and says so.
 */
export function plainLine(result: ItemResult): string {
  if (result.status === 'failed') return `failed: ${result.error.kind}: ${oneLine(result.error.message)}`
  const { output, outputText } = result
  return typeof output === 'string' && isOneLine(output) ? output : outputText
}

const isOneLine = (text: string): boolean => !/[\r\n]/.test(text) && text.isWellFormed()

/** The outputs that a plain line may stand for, as JSON. */
export const outputsOfPlainLine = (line: string): readonly string[] => [line, JSON.stringify(line)]
