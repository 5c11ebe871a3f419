/** One of the things that are measured side by side. */
export type Side = () => unknown

export interface AlternateOptions {
  /** Rounds that count; from 1. */
  readonly runs: number
  /** Rounds before them that do not. */
  readonly warmUps: number
}

/**
 * Milliseconds of each side in each round. The sides take turns, so that whatever else the machine does meets all of them,
 * and every round begins with another one, so that none always comes after the same.
 */
export async function alternate<Name extends string>(
  sides: Readonly<Record<Name, Side>>,
  { runs, warmUps }: AlternateOptions,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(sides) as Name[]
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = 0; round < warmUps + runs; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length]!
      const start = performance.now()
      await sides[name]()
      if (round >= warmUps) times[name].push(performance.now() - start)
      else times[name].length = 0
    }
  }
  return times
}

/** The work so often, one after another. */
export function repeated(repeats: number, work: () => unknown): () => Promise<void> {
  return async () => {
    for (let i = 0; i < repeats; i++) {
      const done = work()
      if (done instanceof Promise) await done
    }
  }
}

const repeatsMax = 2 ** 20

/** How often work that is too short to be timed once has to be repeated to take about so long; warms it up besides. */
export async function repeatsFor(milliseconds: number, work: () => unknown): Promise<number> {
  for (let repeats = 1; ; repeats *= 2) {
    const start = performance.now()
    await repeated(repeats, work)()
    const took = performance.now() - start
    if (took >= milliseconds / 2 || repeats >= repeatsMax)
      return Math.max(1, Math.round((repeats * milliseconds) / took))
  }
}
