import type { BenchResult, Missing } from './result.ts'

export interface BenchOptions {
  /** Times that everything is measured after warming up; from 1. */
  readonly runs: number
  /** Whether the part of the bench is wanted, by the first word of its results' names. */
  readonly wants: (part: string) => boolean
  /** Share of the usual amount of work, for trying a bench out; 1 unless told. */
  readonly scale?: number
  /** Folder for profiles, where they are asked for. */
  readonly profile?: string
  /** Says what is being measured now, for a person who waits. */
  readonly progress: (what: string) => void
}

export interface Findings {
  readonly results: readonly BenchResult[]
  readonly missing: readonly Missing[]
  /** For people, below the table. */
  readonly notes?: readonly string[]
}

export type BenchOptionName = 'scale' | 'profile'

export interface Bench {
  readonly name: string
  /** One line for the list of benches. */
  readonly about: string
  readonly runs: number
  /** First words of the names of its results. */
  readonly parts: readonly string[]
  /** Options it knows beside those that every bench has. */
  readonly takes?: readonly BenchOptionName[]
  readonly measure: (options: BenchOptions) => Promise<Findings>
}

/** Runs each part that is wanted; one that breaks down is missing, and the others go on. */
export async function measureParts(
  parts: Readonly<Record<string, (options: BenchOptions) => Promise<Findings>>>,
  options: BenchOptions,
): Promise<Findings> {
  const results: BenchResult[] = []
  const missing: Missing[] = []
  const notes: string[] = []
  for (const [name, measure] of Object.entries(parts)) {
    if (!options.wants(name)) continue
    try {
      const findings = await measure(options)
      results.push(...findings.results)
      missing.push(...findings.missing)
      notes.push(...(findings.notes ?? []))
    } catch (error) {
      missing.push({ name, reason: error instanceof Error ? error.message : String(error) })
    }
  }
  return { results, missing, ...(notes.length === 0 ? {} : { notes }) }
}
