/** What a piece of work took. */
export interface Spent {
  readonly pieces: number
  readonly seconds: number
  /** Milliseconds of processor time by who spent it. */
  readonly cpuMs: Readonly<Record<string, number>>
}

export interface Spender {
  readonly name: string
  cpuMs(): Promise<number>
}

/** Does work, which tells of how many pieces it was, and tells what it took all who have part in it. */
export async function spentOn(work: () => Promise<number>, spenders: readonly Spender[]): Promise<Spent> {
  const before = await Promise.all(spenders.map((spender) => spender.cpuMs()))
  const start = performance.now()
  const pieces = await work()
  const seconds = (performance.now() - start) / 1_000
  const after = await Promise.all(spenders.map((spender) => spender.cpuMs()))
  const cpuMs: Record<string, number> = {}
  for (const [at, { name }] of spenders.entries()) {
    cpuMs[name] = (cpuMs[name] ?? 0) + after[at]! - before[at]!
  }
  return { pieces, seconds, cpuMs }
}

/** Of everyone. */
export const cpuMsOf = ({ cpuMs }: Spent): number => Object.values(cpuMs).reduce((sum, ms) => sum + ms, 0)
