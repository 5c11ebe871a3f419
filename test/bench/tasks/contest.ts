import { alternate } from '../alternate.ts'
import type { BenchOptions } from '../bench.ts'
import { type BenchResult, resultOf } from '../result.ts'
import { cpuMsOf, type Spender, type Spent, spentOn } from './spent.ts'

/** Rounds before those that count: workers earn their credit in them, and code is compiled. */
const warmUps = 1

/** Something that is done so many times, by itself. */
export interface Contender {
  readonly spenders: readonly Spender[]
  /** Does about so many pieces and tells how many they were. */
  work(pieces: number): Promise<number>
}

/** What each contender spent in each round, in turns. */
export async function compete<Name extends string>(
  contenders: Readonly<Record<Name, Contender>>,
  pieces: Readonly<Record<Name, number>>,
  runs: number,
): Promise<Record<Name, Spent[]>> {
  const names = Object.keys(contenders) as Name[]
  const spent = Object.fromEntries(names.map((name) => [name, [] as Spent[]])) as Record<Name, Spent[]>
  const sides = Object.fromEntries(
    names.map((name) => [
      name,
      async () => {
        const contender = contenders[name]
        spent[name].push(await spentOn(() => contender.work(pieces[name]), contender.spenders))
      },
    ]),
  ) as Record<Name, () => Promise<void>>
  await alternate(sides, { runs, warmUps })
  for (const name of names) spent[name].splice(0, warmUps)
  return spent
}

/** Pieces a second; each is of so many parts. */
export const rates = (spent: readonly Spent[], parts = 1): number[] =>
  spent.map(({ pieces, seconds }) => (parts * pieces) / seconds)

/** Milliseconds of processor time of a piece, in all and by who spent it. */
export function costs(name: string, spent: readonly Spent[]): BenchResult[] {
  const unit = 'ms'
  const all = resultOf({ name, unit, samples: spent.map((each) => cpuMsOf(each) / each.pieces) })
  const parts = Object.keys(spent[0]?.cpuMs ?? {})
  if (parts.length < 2) return [all]
  const ofPart = (part: string) => spent.map(({ cpuMs, pieces }) => (cpuMs[part] ?? 0) / pieces)
  return [all, ...parts.map((part) => resultOf({ name: `${name}, ${part}`, unit, samples: ofPart(part) }))]
}

export const scaled = (count: number, { scale = 1 }: BenchOptions): number =>
  Math.max(1, Math.round(count * scale))
