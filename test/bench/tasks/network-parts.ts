import type { BenchOptions, Findings } from '../bench.ts'
import { type BenchResult, resultOf } from '../result.ts'
import { smallestTask } from '../runtime/empty-programs.ts'
import { BullQueue } from './bull-queue.ts'
import { type Contender, compete, costs, rates, scaled } from './contest.ts'
import { millisecondProgram } from './millisecond-program.ts'
import { PoolProcesses } from './pool-processes.ts'
import { profileOf } from './profile.ts'
import type { RunsGiven } from './roles/sandboxes.ts'
import type { JobGiven } from './roles/submitter.ts'
import { signatureMs } from './signature-cost.ts'
import { executionsPerTask, TaskNetwork } from './task-network.ts'

/** Tasks of one round, unless the bench is scaled. */
const wasiTasks = 4_000
const javascriptTasks = 4_000
const millisecondTasks = 2_000

const verifiedPerSecond = { min: 1_000 }
const bullRatio = { ratioMin: 0.5 }
const javascriptRatio = { ratioMin: 0.6 }
const millisecondRatio = { ratioMin: 0.9 }

type Job = Omit<JobGiven, 'tasks'>

/** Verified tasks of a program that does nothing, against unverified jobs of BullMQ that do nothing. */
export async function measureWasi(options: BenchOptions): Promise<Findings> {
  const { program } = await smallestTask('wasi')
  const tasks = scaled(wasiTasks, options)
  options.progress(`verified tasks of a WASI program that does nothing, and BullMQ: ${tasks} each round`)
  return await withBoth(TaskNetwork.start(), BullQueue.start(), async (network, bull) => {
    const executions = executionsPerTask * tasks
    const job: Job = { program, taskType: 'wasi' }
    const spent = await compete(
      {
        network: ofNetwork(network, job),
        bull: { spenders: bull.spenders, work: (jobs) => counted(jobs, bull.jobs(jobs)) },
      },
      { network: tasks, bull: executions },
      options.runs,
    )
    const results = [
      resultOf({
        name: 'wasi verified tasks',
        unit: 'tasks/s',
        samples: rates(spent.network),
        target: verifiedPerSecond,
      }),
      resultOf({
        name: 'wasi executions',
        unit: 'runs/s',
        samples: rates(spent.network, executionsPerTask),
        baseline: { name: 'BullMQ jobs', samples: rates(spent.bull) },
        target: bullRatio,
      }),
      ...costs('wasi processor time of a task', spent.network),
      resultOf({
        name: 'wasi processor time of the signatures of a task',
        unit: 'ms',
        samples: await samplesOf(options.runs, signatureMs),
      }),
      ...costs('wasi processor time of a BullMQ job', spent.bull),
    ]
    const notes = await profileOf('wasi', options, network.processes, tasks, () =>
      network.job({ ...job, tasks }),
    )
    return { results, missing: [], notes }
  })
}

async function samplesOf(runs: number, measure: () => Promise<number>): Promise<number[]> {
  const samples: number[] = []
  for (let run = 0; run < runs; run++) samples.push(await measure())
  return samples
}

/** Tasks of a JavaScript program that does nothing, against the same sandboxes without a network. */
export async function measureJavaScript(options: BenchOptions): Promise<Findings> {
  const { program } = await smallestTask('javascript')
  const tasks = scaled(javascriptTasks, options)
  options.progress(`verified tasks of a JavaScript program that does nothing: ${tasks} each round`)
  const pool = PoolProcesses.start('sandboxes')
  const { results, notes } = await againstPool('javascript', options, pool, tasks, {
    job: { program, taskType: 'javascript' },
    run: { program, input: 0 },
    baseline: 'the sandboxes alone',
    target: javascriptRatio,
  })
  return { results, missing: [], notes }
}

/** Tasks of about a millisecond, against worker threads that do nothing else than run the same module. */
export async function measureMillisecond(options: BenchOptions): Promise<Findings> {
  const { program, size, milliseconds } = await millisecondProgram()
  const tasks = scaled(millisecondTasks, options)
  options.progress(`verified tasks of ${milliseconds.toFixed(2)} ms: ${tasks} each round`)
  const pool = PoolProcesses.start('threads')
  const { results, notes } = await againstPool('millisecond', options, pool, tasks, {
    job: { program, taskType: 'wasi', input: size },
    run: { program, input: size },
    baseline: 'bare worker threads',
    target: millisecondRatio,
  })
  const alone = resultOf({ name: 'millisecond run alone', unit: 'ms', samples: [milliseconds] })
  return { results: [alone, ...results], missing: [], notes }
}

interface PoolContest {
  readonly job: Job
  readonly run: Omit<RunsGiven, 'runs'>
  readonly baseline: string
  readonly target: { readonly ratioMin: number }
}

async function againstPool(
  name: 'javascript' | 'millisecond',
  options: BenchOptions,
  starting: Promise<PoolProcesses>,
  tasks: number,
  { job, run, baseline, target }: PoolContest,
): Promise<{ results: readonly BenchResult[]; notes: readonly string[] }> {
  return await withBoth(TaskNetwork.start(), starting, async (network, pool) => {
    const executions = executionsPerTask * tasks
    const spent = await compete(
      {
        network: ofNetwork(network, job),
        pool: { spenders: pool.spenders, work: (count) => counted(count, pool.run({ ...run, runs: count })) },
      },
      { network: tasks, pool: executions },
      options.runs,
    )
    const results = [
      resultOf({ name: `${name} verified tasks`, unit: 'tasks/s', samples: rates(spent.network) }),
      resultOf({
        name: `${name} executions`,
        unit: 'runs/s',
        samples: rates(spent.network, executionsPerTask),
        baseline: { name: baseline, samples: rates(spent.pool) },
        target,
      }),
      ...costs(`${name} processor time of a task`, spent.network),
      ...costs(`${name} processor time of ${baseline}`, spent.pool),
    ]
    const notes = await profileOf(name, options, network.processes, tasks, () =>
      network.job({ ...job, tasks }),
    )
    return { results, notes }
  })
}

const ofNetwork = (network: TaskNetwork, job: Job): Contender => ({
  spenders: network.spenders,
  work: (tasks) => counted(tasks, network.job({ ...job, tasks })),
})

const counted = async (pieces: number, work: Promise<void>): Promise<number> => {
  await work
  return pieces
}

interface Stoppable {
  stop(): Promise<void>
}

/** Starts both, and stops both whatever happens. */
async function withBoth<A extends Stoppable, B extends Stoppable, R>(
  startingA: Promise<A>,
  startingB: Promise<B>,
  measure: (a: A, b: B) => Promise<R>,
): Promise<R> {
  const started = await Promise.allSettled([startingA, startingB])
  try {
    const [a, b] = started
    if (a.status === 'rejected') throw a.reason
    if (b.status === 'rejected') throw b.reason
    return await measure(a.value, b.value)
  } finally {
    for (const one of started) if (one.status === 'fulfilled') await one.value.stop()
  }
}
