import { createHash } from 'node:crypto'
import type { RunResult } from '../../shared/runtime/program-runner.ts'
import type { Limits } from '../../shared/task/task.ts'

/** A program and an input, and nothing else: what comes of them is the same on every machine. */
export interface ConformanceCase {
  /** The key of its outcome in expected.json. */
  readonly name: string
  readonly program: Uint8Array
  readonly input: Uint8Array
  readonly limits: Partial<Limits>
}

/** The seed of every case. */
export const conformanceSeed = '0123456789abcdef'.repeat(4)

/** `ok SHA-256 FUEL` or `error KIND FUEL`, as e2e/sandbox-page/main.ts writes it as well. */
export function outcomeOf(result: RunResult): string {
  if (result.kind === 'none') return `none ${result.reason}: ${result.message}`
  return result.kind === 'ok'
    ? `ok ${createHash('sha256').update(result.output).digest('hex')} ${result.fuelUsed}`
    : `error ${result.error} ${result.fuelUsed}`
}
