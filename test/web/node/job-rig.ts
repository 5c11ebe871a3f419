import type { MapOptions } from '../../../shared/client/map-run.ts'
import type { CryptoPort } from '../../../shared/host/crypto-port.ts'
import type { FinishedTask } from '../../../shared/task/messages.ts'
import type { SubmitterCommand } from '../../../shared/task/submitter.ts'
import type { CheckedResult, Job } from '../../../web/node/job.ts'
import { Jobs } from '../../../web/node/jobs.ts'
import { type LoopbackOptions, LoopbackRelay } from '../../relay/http/loopback-relay.ts'
import { newKey } from '../../relay/http/test-keys.ts'

export const program = new TextEncoder().encode('program')
export const javascript: MapOptions = { taskType: 'javascript' }

export interface JobRig {
  readonly jobs: Jobs
  readonly relay: LoopbackRelay
  readonly crypto: CryptoPort
  /** Submissions and cancellations, as the submitter machine got them. */
  readonly commands: SubmitterCommand[]
  /** Tells the jobs of a task's end. */
  finish(finished: FinishedTask): void
}

/** The jobs of a tab over a whole network; `change` is what its coordinator does to every end it tells. */
export async function startJobs(
  options: LoopbackOptions & { readonly change?: (finished: FinishedTask) => FinishedTask } = {},
): Promise<JobRig> {
  const { change = (finished) => finished } = options
  const relay = await LoopbackRelay.start(options)
  const crypto = await newKey()
  const commands: SubmitterCommand[] = []
  const jobs = new Jobs({
    networkId: relay.networkId,
    crypto,
    blobs: relay.blobs,
    changed: () => {},
    command: (command) => {
      commands.push(command)
      void carryOut(command)
    },
  })
  const finish = (finished: FinishedTask): void => jobs.handle({ type: 'resultReceived', finished })
  relay.onFinished((finished) => finish(change(finished)))

  async function carryOut(command: SubmitterCommand): Promise<void> {
    if (command.type === 'submitter/cancel') await relay.cancel(crypto.self, command.taskIds)
    if (command.type !== 'submitter/submit') return
    for (const admittance of await relay.submit(crypto.self, command.items)) {
      const { taskId } = admittance
      if (admittance.accepted) jobs.handle({ type: 'submissionAccepted', taskId })
      else jobs.handle({ type: 'submissionRefused', ...admittance })
    }
  }
  return { jobs, relay, crypto, commands, finish }
}

export async function readAll(job: Job): Promise<CheckedResult[]> {
  const results: CheckedResult[] = []
  for await (const result of job) results.push(result)
  return results
}

/** Lets everything that is under way without a timer come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}
