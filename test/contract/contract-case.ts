import { equalBytes, toHex } from '../../shared/kernel/bytes.ts'

/*
 * Contract suites run in Node under Vitest and inside a Chromium page, so they bring their own few assertions.
 */

/** One behaviour every implementation of a port must show. `run` rejects when it does not. */
export interface ContractCase<Subject> {
  readonly name: string
  run(subject: Subject): Promise<void>
}

export function same<T>(actual: T, expected: T, what: string): void {
  if (!Object.is(actual, expected))
    throw new Error(`${what}: ${String(actual)}, expected ${String(expected)}`)
}

export function sameBytes(actual: Uint8Array | undefined, expected: Uint8Array, what: string): void {
  if (actual !== undefined && equalBytes(actual, expected)) return
  const seen = actual === undefined ? 'nothing' : `${actual.length} bytes ${toHex(actual.subarray(0, 16))}`
  throw new Error(`${what}: ${seen}, expected ${expected.length} bytes ${toHex(expected.subarray(0, 16))}`)
}

export function sameJson(actual: unknown, expected: unknown, what: string): void {
  same(JSON.stringify(actual), JSON.stringify(expected), what)
}

/** The error a promise rejects with; throws when it does not reject. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (outcome instanceof Error) return outcome
  throw new Error('expected a rejection with an Error')
}
