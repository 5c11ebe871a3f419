import { newSubmission } from '../../shared/client/new-submission.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import type { Hash, TaskId } from '../../shared/kernel/ids.ts'
import type { PeerEvent } from '../../shared/peer/inputs.ts'
import type { ProgramRun, ProgramRunner, TimedResult } from '../../shared/runtime/program-runner.ts'
import type { FinishedTask, Submission } from '../../shared/task/messages.ts'
import { testNetworkId } from './host-parts.ts'
import { type NodeRig, type RigNode, until } from './node-rig.ts'

/** A sandbox that squares its input, whatever the program; `lie` changes what it says. */
export function squaring(
  options: {
    readonly slots?: number
    readonly runMs?: number
    readonly lie?: (right: number) => number
  } = {},
): ProgramRunner {
  const { slots = 2, runMs = 0, lie = (right) => right } = options
  return {
    slots,
    async run({ input }: ProgramRun): Promise<TimedResult> {
      if (runMs > 0) await new Promise((resolve) => setTimeout(resolve, runMs))
      const n = Number(Buffer.from(input).toString())
      const output = new Uint8Array(Buffer.from(String(lie(n * n))))
      return { kind: 'ok', output, fuelUsed: 1, durationMs: runMs }
    },
    close: async () => undefined,
  }
}

const program = new Uint8Array(Buffer.from('export default (n) => n * n'))

/** One task per number, signed by the given key. */
export async function squareTasks(
  relay: RigNode,
  crypto: CryptoPort,
  numbers: readonly number[],
): Promise<Submission[]> {
  const plan = {
    networkId: testNetworkId,
    programHash: (await relay.blobs.put(program)) as Hash,
    programSizeBytes: program.length,
    taskType: 'javascript',
    jobId: null,
  }
  return await Promise.all(
    numbers.map((n, at) =>
      newSubmission(plan, at, new Uint8Array(Buffer.from(String(n))), crypto, new Date()),
    ),
  )
}

export const eventsOf = <T extends PeerEvent['type']>(
  node: RigNode,
  type: T,
): Extract<PeerEvent, { type: T }>[] =>
  node.events.filter((event): event is Extract<PeerEvent, { type: T }> => event.type === type)

export interface Done {
  readonly finished: readonly FinishedTask[]
  /** Outputs as numbers, in task order; NaN for a task without one. */
  readonly outputs: readonly number[]
  readonly ms: number
}

/** Submits squares by HTTP's way and waits for their ends; rejects when one is refused or they take over `msMax`. */
export async function honestJob(
  rig: NodeRig,
  relay: RigNode,
  numbers: readonly number[],
  msMax = 30_000,
): Promise<Done> {
  const { crypto } = await rig.identity('client')
  const items = await squareTasks(relay, crypto, numbers)
  const started = performance.now()
  const admitted = await relay.host.submit(crypto.self, items)
  const refused = admitted.find((item) => !item.accepted)
  if (refused !== undefined) throw new Error(`the honest job was refused: ${JSON.stringify(refused)}`)
  const finished = await endsOf(relay, items, msMax)
  return { finished, outputs: finished.map(outputOf), ms: performance.now() - started }
}

export async function endsOf(
  relay: RigNode,
  items: readonly Submission[],
  msMax = 30_000,
): Promise<FinishedTask[]> {
  const wanted = new Set<TaskId>(items.map(({ task }) => task.taskId))
  const ends = (): FinishedTask[] =>
    eventsOf(relay, 'taskFinished').flatMap(({ finished }) =>
      wanted.has(finished.task.taskId) ? [finished] : [],
    )
  await until(`the end of ${wanted.size} tasks`, () => ends().length >= wanted.size, msMax)
  return ends().sort((a, b) => a.task.index - b.task.index)
}

const outputOf = ({ output }: FinishedTask): number =>
  output?.kind === 'inline' ? Number(Buffer.from(output.bytes).toString()) : Number.NaN

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1)
export const squaresOf = (numbers: readonly number[]): number[] => numbers.map((n) => n * n)
