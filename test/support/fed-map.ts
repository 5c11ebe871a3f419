import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessFleet } from './fleet-processes.ts'
import type { Running } from './tabmesh-processes.ts'

/** Some milliseconds of work, and a result that follows from the line alone. */
const program = `
export default (line) => {
  let spin = line.length
  for (let i = 0; i < 4000; i++) spin = (spin * 31 + line.charCodeAt(i % line.length)) % 1000003
  return { line, spin }
}
`

function expected(line: string): unknown {
  let spin = line.length
  for (let i = 0; i < 4_000; i++) spin = (spin * 31 + line.charCodeAt(i % line.length)) % 1_000_003
  return { line, spin }
}

export interface Pace {
  /** Items that have no result yet, at most. */
  readonly underWay: number
  readonly itemsMin: number
  /** An item so often: not as fast as the network can, since the point is what is under way when a relay dies. */
  readonly everyMs: number
}

const usualPace: Pace = { underWay: 80, itemsMin: 200, everyMs: 40 }
const lineOf = (n: number): string => `item ${n} of the job`

interface ResultLine {
  readonly index: number
  readonly taskId: string
  readonly status: string
  readonly output: unknown
}

/**
 * `tabmesh map` with an input that goes on until it is told to end: so many items are always under way, however fast
 * the machine is and whatever is done to its relays.
 */
export class FedMap {
  readonly #running: Running
  readonly #fleet: ProcessFleet
  readonly #pace: Pace
  #written = 0
  #results = 0
  #rest = ''
  #isLast = false
  #hasEnded = false

  private constructor(fleet: ProcessFleet, running: Running, pace: Pace) {
    this.#fleet = fleet
    this.#running = running
    this.#pace = pace
    running.child.stdin!.on('error', () => undefined)
    running.child.stdout!.on('data', (chunk: Buffer) => this.#count(String(chunk)))
    void running.ended.then(() => {
      this.#hasEnded = true
    })
    const feeding = setInterval(() => this.#feed(1), pace.everyMs)
    void running.ended.then(() => clearInterval(feeding))
    this.#feed(pace.underWay)
  }

  static async start(fleet: ProcessFleet, pace = usualPace): Promise<FedMap> {
    await writeFile(join(fleet.data, 'program.js'), program)
    const running = fleet.client(
      [
        ...['map', '--type', 'javascript', '--program', 'program.js', '--map', 'lines'],
        ...['--receipt', 'receipt.json', '--json', '--wait', '180'],
      ],
      'pipe',
    )
    return new FedMap(fleet, running, pace)
  }

  get results(): number {
    return this.#results
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  story(): string {
    return this.#fleet.story()
  }

  get log(): string {
    return this.#running.stderr()
  }

  /** No more items; gives what is wrong with its end, its results and its receipt: nothing, where all is well. */
  async faults(): Promise<{
    readonly items: number
    readonly taskIds: Set<string>
    readonly faults: string[]
  }> {
    this.#isLast = true
    const { code, stdout, stderr } = await this.#running.ended
    const faults: string[] = []
    if (code !== 0) faults.push(`map ended with ${code}: ${stderr.slice(-1_500)}`)
    const lines = stdout.split('\n').filter((line) => line !== '')
    const results = lines.map((line) => JSON.parse(line) as ResultLine)
    const items = this.#written
    if (results.length !== items) faults.push(`${results.length} results of ${items} items`)
    for (const [at, { index, status, output }] of results.entries()) {
      const right = JSON.stringify(expected(lineOf(at)))
      if (index !== at) faults.push(`result ${at} is of item ${index}`)
      else if (status !== 'completed' || JSON.stringify(output) !== right)
        faults.push(`item ${at} ${status}: ${JSON.stringify(output)} and not ${right}`)
    }
    const taskIds = new Set(results.map(({ taskId }) => taskId))
    if (taskIds.size !== results.length) faults.push('a task has two results')
    await writeFile(join(this.#fleet.data, 'results.ndjson'), stdout)
    const verdict = await this.#fleet.verify('receipt.json', '--output', 'results.ndjson')
    if (verdict.code !== 0 || !verdict.stdout.startsWith(`valid: ${items} tasks, `))
      faults.push(`verify: ${verdict.code} ${verdict.stdout}${verdict.stderr}`)
    return { items, taskIds, faults: faults.slice(0, 20) }
  }

  #feed(itemsMax: number): void {
    const { stdin } = this.#running.child
    const { underWay, itemsMin } = this.#pace
    let left = itemsMax
    const isOver = (): boolean => this.#isLast && this.#written >= itemsMin
    while (left-- > 0 && !isOver() && this.#written < this.#results + underWay)
      stdin!.write(`${lineOf(this.#written++)}\n`)
    if (isOver() && !stdin!.writableEnded) stdin!.end()
  }

  #count(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    this.#results += lines.length
  }
}
