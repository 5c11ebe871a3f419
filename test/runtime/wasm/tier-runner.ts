// Runs instrumented modules as a process of its own, so that it can be told with V8's flags which compiler to use, and in
// a worker thread with the stack that workers have. Modules and limits come as JSON on stdin, what they ended as goes out.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { memoryFor } from '../../support/guest-memory.ts'

export interface TierCase {
  /** base64 */
  readonly wasm: string
  readonly fuel: string
  readonly callBudget: number
}

/** What the runner reads: how large the worker's stack is, or the usual size, and what to run in it. */
export interface TierInput {
  readonly stackSizeMb: number | undefined
  readonly cases: readonly TierCase[]
}

export interface TierOutcome {
  readonly trap: string | undefined
  readonly fuel: string
  readonly callBudget: number
  readonly memoryHit: number
  /** SHA-256 of all of it. */
  readonly memory: string
}

if (isMainThread) {
  const { stackSizeMb, cases } = JSON.parse(readFileSync(0, 'utf8')) as TierInput
  const resourceLimits = stackSizeMb === undefined ? {} : { stackSizeMb }
  const worker = new Worker(new URL(import.meta.url), { workerData: cases, resourceLimits })
  worker.once('message', (outcomes: TierOutcome[]) => process.stdout.write(JSON.stringify(outcomes)))
} else {
  parentPort?.postMessage((workerData as TierCase[]).map(runCase))
}

function runCase({ wasm, fuel, callBudget }: TierCase): TierOutcome {
  const bytes = Buffer.from(wasm, 'base64')
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    wasi_snapshot_preview1: { sched_yield: () => 0 },
    ...memoryFor(bytes),
  })
  const global = (name: string) => exports[name] as WebAssembly.Global
  global('fuel').value = BigInt(fuel)
  global('callBudget').value = callBudget
  global('pagesMax').value = 64
  let trap: string | undefined
  try {
    ;(exports['_start'] as () => void)()
  } catch (error) {
    trap = String(error)
  }
  return {
    trap,
    fuel: String(global('fuel').value),
    callBudget: Number(global('callBudget').value),
    memoryHit: Number(global('memoryHit').value),
    memory: createHash('sha256')
      .update(new Uint8Array((exports['memory'] as WebAssembly.Memory).buffer))
      .digest('hex'),
  }
}
