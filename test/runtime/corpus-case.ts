import type { GuestError, Limits } from '../../shared/task/task.ts'

/** A program and an input whose outcome is the same on every host, byte for byte and with the same fuel. */
export interface CorpusCase {
  readonly name: string
  readonly program: string
  /** JSON value. */
  readonly input?: unknown
  readonly limits?: Partial<Limits>
  /** Output as JSON text, or the kind of error; left out where only equality between hosts is known. */
  readonly ok?: string
  readonly error?: GuestError
}

/** A program that does `body` with its `input`. */
export const main = (body: string): string => `export default (input) => { ${body} }`
