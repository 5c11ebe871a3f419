import type { GuestError, Limits } from '../task/task.ts'

/** Limits of a task that end a run as an error of their own name. */
export type LimitError = Extract<GuestError, 'fuel' | 'memory' | 'stack' | 'output' | 'log'>

/** What an outcome says to people when a limit was hit; `limits` as the task set them. */
export function limitMessage(error: LimitError, limits: Limits): string {
  switch (error) {
    case 'fuel':
      return `The program used up its fuel of ${limits.fuel}`
    case 'memory':
      return `The program needs more memory than its ${limits.memoryBytes} bytes`
    case 'stack':
      return `The program recursed deeper than its stack of ${limits.stackBytes} bytes`
    case 'output':
      return `The output is over the limit of ${limits.outputBytes} bytes`
    case 'log':
      return `The program wrote more than ${limits.logBytes} bytes to its console`
  }
}

/** Characters of a result's message; more is cut off. */
export const messageLengthMax = 1_000

export function cut(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : text.slice(0, lengthMax)
}
