import { alternate, type Side } from '../alternate.ts'

/** Something that keeps small values, each durable when its write resolves. */
export interface Keeper {
  write(key: string, value: Uint8Array): Promise<unknown>
  /** For one that puts work off until there is so much of it: a turn is over when what its writes put off is done. */
  readonly turn?: { readonly writes: number; settle(): Promise<void> }
}

/** The rows that are written again and again, as a node does with the states of the tasks it has open. */
const rows = 256
/** About as much as the state of a task takes. */
const valueBytes = 256
/** What one turn of one side should take, in ms. */
export const usualTurnMs = 500
/** Below this a turn says little. */
const writesMin = 64
const warmUps = 2

export interface Load {
  readonly keeper: Keeper
  /** Writes that wait for their end at a time. */
  readonly underWay: number
}

/** Writes per second of each in each round, side by side. */
export async function writeRates<Name extends string>(
  loads: Readonly<Record<Name, Load>>,
  runs: number,
  turnMs = usualTurnMs,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(loads) as Name[]
  const counts = {} as Record<Name, number>
  const sides = {} as Record<Name, Side>
  for (const name of names) {
    const writer = new Writer(loads[name])
    await writer.write(rows)
    const { keeper, underWay } = loads[name]
    counts[name] =
      underWay > 1 && keeper.turn !== undefined ? keeper.turn.writes : await writesFor(turnMs, writer)
    sides[name] = () => writer.write(counts[name])
  }
  const times = await alternate(sides, { runs, warmUps })
  const rates = {} as Record<Name, number[]>
  for (const name of names) rates[name] = times[name].map((ms) => (1_000 * counts[name]) / ms)
  return rates
}

/** Keeps so many writes under way: each that ends begins the next. */
class Writer {
  readonly #keeper: Keeper
  readonly #underWay: number
  #written = 0

  constructor({ keeper, underWay }: Load) {
    this.#keeper = keeper
    this.#underWay = underWay
  }

  async write(count: number): Promise<void> {
    let left = count
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        this.#written += 1
        const value = new Uint8Array(valueBytes)
        // No two alike: who is given what he has need not write.
        new DataView(value.buffer).setFloat64(0, this.#written)
        await this.#keeper.write(`coordinator/state/task-${this.#written % rows}`, value)
      }
    }
    await Promise.all(Array.from({ length: this.#underWay }, lane))
    await this.#keeper.turn?.settle()
  }
}

/** How many writes take about so long. */
async function writesFor(milliseconds: number, writer: Writer): Promise<number> {
  for (let count = writesMin; ; count *= 2) {
    const start = performance.now()
    await writer.write(count)
    const took = performance.now() - start
    if (took >= milliseconds / 2) return Math.max(writesMin, Math.round((count * milliseconds) / took))
  }
}
