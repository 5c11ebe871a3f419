import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, BenchOptions, Findings } from '../bench.ts'
import { type BenchResult, type Missing, resultOf, type Target } from '../result.ts'
import { checkTemporaryFolder, keepers, type OpenKeeper, programOf } from './keepers.ts'
import { type Load, usualTurnMs, writeRates } from './small-writes.ts'

type KeeperName = keyof typeof keepers
type Part = 'sqlite' | 'files' | 'redis' | 'postgres'

interface Comparison {
  readonly part: Part
  readonly underWay: number
  readonly against?: { readonly keeper: KeeperName; readonly name: string; readonly target?: Target }
}

const many = 64
const file = { keeper: 'writeFileAtomic', name: 'write-file-atomic' } as const
const redis = { keeper: 'plainRedis', name: 'Redis' } as const

const comparisons: readonly Comparison[] = [
  { part: 'sqlite', underWay: many, against: { ...file, target: { ratioMin: 10 } } },
  { part: 'sqlite', underWay: many, against: { ...redis, target: { ratioMin: 1 } } },
  { part: 'sqlite', underWay: 1, against: file },
  { part: 'sqlite', underWay: 1, against: redis },
  { part: 'files', underWay: many, against: { ...file, target: { ratioMin: 10 } } },
  { part: 'files', underWay: many, against: { ...redis, target: { ratioMin: 1 } } },
  { part: 'files', underWay: 1, against: file },
  { part: 'files', underWay: 1, against: redis },
  { part: 'redis', underWay: many },
  { part: 'postgres', underWay: many },
]

/** Small writes, each on the disk when it counts as done. */
export const storeBench: Bench = {
  name: 'store',
  about: 'small durable writes, many at a time, against one file per write and against Redis',
  runs: 11,
  parts: ['sqlite', 'files', 'redis', 'postgres'],
  takes: ['scale'],
  async measure(options) {
    try {
      await checkTemporaryFolder()
    } catch (error) {
      return { results: [], missing: [{ name: 'store', reason: (error as Error).message }] }
    }
    const folder = await mkdtemp(join(tmpdir(), 'tabmesh-bench-store-'))
    try {
      return await measureIn(folder, options)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

const loadName = (keeper: KeeperName, underWay: number): string => `${keeper} ${underWay}`

async function measureIn(
  folder: string,
  { runs, wants, progress, scale = 1 }: BenchOptions,
): Promise<Findings> {
  const wanted = comparisons.filter(({ part }) => wants(part))
  const names = new Set(
    wanted.flatMap(({ part, against }) => (against === undefined ? [part] : [part, against.keeper])),
  )
  const missing: Missing[] = []
  const open = new Map<KeeperName, OpenKeeper>()
  try {
    for (const name of names) {
      progress(`Starting ${name}`)
      try {
        const program = programOf[name]
        if (program !== undefined && program.path === undefined) throw new Error(`${program.name} not found`)
        open.set(name, await keepers[name](folder))
      } catch (error) {
        missing.push({ name, reason: (error as Error).message })
      }
    }
    const loads: Record<string, Load> = {}
    for (const { part, underWay, against } of wanted) {
      for (const name of against === undefined ? [part] : [part, against.keeper]) {
        const keeper = open.get(name)
        if (keeper !== undefined) loads[loadName(name, underWay)] = { keeper, underWay }
      }
    }
    progress(`Writing: ${Object.keys(loads).join(', ')}`)
    const rates = await writeRates(loads, runs, scale * usualTurnMs)
    return { results: wanted.flatMap((one) => resultsOf(one, rates)), missing }
  } finally {
    for (const keeper of open.values()) await keeper.close()
  }
}

function resultsOf(
  { part, underWay, against }: Comparison,
  rates: Readonly<Record<string, number[]>>,
): BenchResult[] {
  const samples = rates[loadName(part, underWay)]
  if (samples === undefined) return []
  const name = `${part} ${underWay} under way`
  if (against === undefined) return [resultOf({ name, unit: 'writes/s', samples })]
  const baseline = rates[loadName(against.keeper, underWay)]
  if (baseline === undefined) return []
  return [
    resultOf({
      name: `${name} vs ${against.name}`,
      unit: 'writes/s',
      samples,
      baseline: { name: against.name, samples: baseline },
      ...(against.target === undefined ? {} : { target: against.target }),
    }),
  ]
}
