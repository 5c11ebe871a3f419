import { describe, test } from 'vitest'
import { mayBeMissing } from './server-process.ts'

/** Tests that need a server. Where it is not installed the run says so, and continuous integration fails. */
export function describeWith(
  name: string,
  program: string,
  path: string | undefined,
  tests: () => void,
): void {
  if (path !== undefined) {
    describe(name, tests)
    return
  }
  test(`not run: ${name} (${program} not found)`, ({ skip }) => {
    if (!mayBeMissing()) throw new Error(`${program} must be installed here`)
    skip()
  })
}
