// npm run fuzz -- validator --seconds 60 [--seed N] [--from N] [--count N]
// The work is done in a worker thread, watched from here: a module that never ends is found too.
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Counts } from './validator.ts'
import { checkModule, fuzzModule } from './validator.ts'

const usage = 'usage: npm run -s fuzz -- validator [--seconds N] [--seed N] [--from N] [--count N]\n'
/** Without a sign of life for that long, the module at hand counts as one that never ends. */
const silenceMsMax = 10_000

interface Plan {
  readonly seconds: number
  readonly seed: number
  readonly from: number
  readonly count: number
  /** Number of the module at hand. */
  readonly at: SharedArrayBuffer
}

interface Report {
  readonly counts: Counts
  readonly failure: string | undefined
}

if (isMainThread) await watch()
else work(workerData as Plan)

function number(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  process.stderr.write(`fuzz: --${name} ${text}: expected a whole number\n${usage}`)
  process.exit(2)
}

function readPlan(): Plan {
  try {
    const text = { type: 'string' } as const
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { seconds: text, seed: text, from: text, count: text },
    })
    if (positionals.join() !== 'validator') throw new Error('there is one thing to fuzz, validator')
    return {
      seconds: number('seconds', values.seconds, 60),
      seed: number('seed', values.seed, 1),
      from: number('from', values.from, 0),
      count: number('count', values.count, 1e9),
      at: new SharedArrayBuffer(4),
    }
  } catch (error) {
    process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n${usage}`)
    process.exit(2)
  }
}

async function watch(): Promise<void> {
  const plan = readPlan()
  const at = new Int32Array(plan.at)
  const worker = new Worker(new URL(import.meta.url), { workerData: plan })
  const report = await new Promise<Report>((resolve, reject) => {
    let last = -1
    let since = performance.now()
    const watcher = setInterval(() => {
      const now = Atomics.load(at, 0)
      if (now !== last) since = performance.now()
      last = now
      if (performance.now() - since < silenceMsMax) return
      clearInterval(watcher)
      const counts = { tried: now - plan.from + 1, refused: 0, accepted: 0, ran: 0 }
      resolve({ counts, failure: 'It does not end' })
    }, 500)
    worker.once('message', (message: Report) => {
      clearInterval(watcher)
      resolve(message)
    })
    worker.once('error', reject)
  })
  await worker.terminate()
  const { tried, refused, accepted, ran } = report.counts
  console.log(
    `fuzz validator: tried ${tried}, refused ${refused}, accepted ${accepted}, ran ${ran}, seed ${plan.seed}`,
  )
  if (report.failure === undefined) return
  const index = Atomics.load(at, 0)
  const file = join(tmpdir(), `fuzz-${plan.seed}-${index}.wasm`)
  writeFileSync(file, fuzzModule(plan.seed, index))
  console.log(`failed: ${report.failure}\nmodule: ${file}`)
  console.log(`replay: npm run -s fuzz -- validator --seed ${plan.seed} --from ${index} --count 1`)
  process.exitCode = 1
}

function work({ seconds, seed, from, count, at: shared }: Plan): void {
  const at = new Int32Array(shared)
  const counts: Counts = { tried: 0, refused: 0, accepted: 0, ran: 0 }
  const end = performance.now() + seconds * 1000
  let failure: string | undefined
  for (let index = from; index < from + count && performance.now() < end; index++) {
    Atomics.store(at, 0, index)
    try {
      checkModule(fuzzModule(seed, index), counts)
    } catch (error) {
      failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
      break
    }
  }
  parentPort?.postMessage({ counts, failure } satisfies Report)
}
