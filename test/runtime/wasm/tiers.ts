import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { TierCase, TierInput, TierOutcome } from './tier-runner.ts'

export const tiers = {
  /** V8's baseline compiler alone. */
  Liftoff: ['--liftoff-only'],
  /** Its optimising compiler alone. */
  TurboFan: ['--no-liftoff'],
} as const

export type Tier = keyof typeof tiers

export interface TierOptions {
  readonly fuel?: bigint
  readonly callBudget?: number
  /** Of the worker; 4 unless told. */
  readonly stackSizeMb?: number
  readonly flags?: readonly string[]
}

/** What instrumented modules end as in a worker thread with its usual stack, compiled by one of V8's compilers. */
export function runInTier(
  tier: Tier,
  modules: readonly Uint8Array[],
  { fuel = 100_000_000n, callBudget = 320 * 1024, stackSizeMb, flags = [] }: TierOptions = {},
): TierOutcome[] {
  const cases = modules.map((wasm): TierCase => {
    return { wasm: Buffer.from(wasm).toString('base64'), fuel: String(fuel), callBudget }
  })
  const runner = join(import.meta.dirname, 'tier-runner.ts')
  const child = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', ...tiers[tier], ...flags, runner],
    {
      input: JSON.stringify({ stackSizeMb, cases } satisfies TierInput),
      maxBuffer: 1 << 28,
      encoding: 'utf8',
    },
  )
  if (child.status !== 0) throw new Error(`The runner ended with ${child.status}: ${child.stderr}`)
  return JSON.parse(child.stdout) as TierOutcome[]
}
