import type { Hash, Instant } from '../../shared/kernel/ids.ts'
import { Random } from '../../shared/kernel/random.ts'
import type { JudgedAnswer } from '../../shared/task/coordinator-ports.ts'
import type { VerificationPolicy } from '../../shared/task/task.ts'
import {
  type Credibility,
  canaryShare,
  errorRate,
  noCredibility,
  replicasFor,
  spotCheckShare,
  withoutCredibility,
  withVerdict,
} from '../../shared/verification/credibility.ts'
import { judge } from '../../shared/verification/judge.ts'

/**
 * How a liar chooses. `always`: every answer is wrong. `often`, `seldom`: one in 10, one in 100. `turned`: good until its
 * word alone is enough, then wrong until it is seen, and good again. `renewed`: as `turned`, but comes back under a
 * new key once it is seen. `paired`: as `turned`, from when two words like its own are enough.
 */
export const strategies = ['none', 'always', 'often', 'seldom', 'turned', 'renewed', 'paired'] as const
export type Strategy = (typeof strategies)[number]

export interface ModelOptions {
  readonly seed: number
  readonly tasks: number
  readonly workers: number
  /** Share of the workers that lie. All that lie give the same wrong answer. */
  readonly liars: number
  readonly strategy: Strategy
  readonly policy: VerificationPolicy
  readonly tasksPerDay: number
}

export interface ModelReport {
  readonly accepted: number
  /** Accepted, and not the true answer. */
  readonly wrong: number
  /** Of those accepted for what is believed of their workers; a quorum decided the others. */
  readonly byCredibility: { readonly accepted: number; readonly wrong: number }
  readonly failed: number
  /** Runs handed out, spot checks and canaries included; in all, and in the last half of the tasks. */
  readonly executions: number
  readonly executionsOfLastHalf: number
}

interface End {
  readonly isWrong: boolean
  readonly by: 'quorum' | 'credibility'
}

interface WorkerState {
  readonly isLiar: boolean
  /** Chance that an honest run goes wrong: bad memory, overclocking. */
  readonly faultRate: number
  history: Credibility
  /** Moves as REP-02 says; below 50 a worker is given nothing (REP-03). */
  reputation: number
  isTurned: boolean
}

/** Of ten honest workers' machines: most never err, one does so once in a thousand runs. */
const faultRates = [0, 0, 0, 0, 0, 1e-5, 1e-5, 1e-4, 1e-4, 1e-3]
const roundsMax = 3
const dayMs = 24 * 60 * 60_000
const startMs = Date.UTC(2030, 0, 1)

/** Tasks one after the other through `replicasFor`, `judge` and `withVerdict`, as a coordinator uses them. */
export class AdaptiveModel {
  readonly #options: ModelOptions
  readonly #random: Random
  readonly #workers: WorkerState[]
  #now = startMs as Instant
  #executions = 0

  constructor(options: ModelOptions) {
    this.#options = options
    this.#random = new Random(options.seed)
    const liars = options.strategy === 'none' ? 0 : Math.round(options.workers * options.liars)
    this.#workers = Array.from({ length: options.workers }, (_, n) => ({
      isLiar: n < liars,
      faultRate: n < liars ? 0 : faultRates[n % faultRates.length]!,
      ...newcomer(),
    }))
  }

  run(): ModelReport {
    const { tasks, tasksPerDay } = this.#options
    const total = { accepted: 0, wrong: 0, failed: 0 }
    const byCredibility = { accepted: 0, wrong: 0 }
    let half = 0
    for (let n = 0; n < tasks; n++) {
      if (n === Math.floor(tasks / 2)) half = this.#executions
      this.#now = (startMs + (n / tasksPerDay) * dayMs) as Instant
      const end = this.#task()
      if (end === undefined) {
        total.failed++
        continue
      }
      total.accepted++
      if (end.isWrong) total.wrong++
      if (end.by === 'credibility') {
        byCredibility.accepted++
        if (end.isWrong) byCredibility.wrong++
      }
    }
    const executionsOfLastHalf = this.#executions - half
    return { ...total, byCredibility, executions: this.#executions, executionsOfLastHalf }
  }

  #task(): End | undefined {
    const crowd = this.#shuffled()
    const { policy } = this.#options
    for (let round = 1; round <= roundsMax; round++) {
      const isChecked = round > 1 || this.#random.unit() < spotCheckShare
      const end = this.#round(crowd, isChecked ? withoutCredibility(policy) : policy)
      if (end !== 'noQuorum') return end
    }
    return undefined
  }

  /** `undefined` when there are not enough workers. */
  #round(crowd: WorkerState[], policy: VerificationPolicy): End | 'noQuorum' | undefined {
    const rates = crowd.map((worker) => errorRate(worker.history, this.#now))
    const group = crowd.splice(0, replicasFor(policy, rates.slice(0, policy.replicas)))
    const answers = group.map((worker) => this.#answer(worker))
    let verdict = judge(answers, policy)
    while (verdict.kind === 'open') {
      const next = crowd.splice(0, verdict.wanted)
      if (next.length === 0) return undefined
      group.push(...next)
      answers.push(...next.map((worker) => this.#answer(worker)))
      verdict = judge(answers, policy)
    }
    if (verdict.kind === 'disagreed') {
      for (const worker of group) worker.reputation -= 10
      return 'noQuorum'
    }
    // One answer alone was confirmed by nobody.
    if (group.length > 1) {
      for (const [at, worker] of group.entries()) this.#judged(worker, !verdict.dissent.includes(at))
    }
    return { isWrong: isWrong(answers[verdict.outcome]!), by: verdict.by }
  }

  #answer(worker: WorkerState): JudgedAnswer {
    this.#executions++
    const given = this.#isTrue(worker) ? right : wrong
    if (this.#random.unit() < canaryShare) {
      this.#executions++
      this.#judged(worker, this.#isTrue(worker))
    }
    return { ...given, errorRate: errorRate(worker.history, this.#now) }
  }

  #isTrue(worker: WorkerState): boolean {
    if (!worker.isLiar) return this.#random.unit() >= worker.faultRate
    const { strategy, policy } = this.#options
    const target = policy.errorTarget ?? 0
    const rate = errorRate(worker.history, this.#now)
    switch (strategy) {
      case 'always':
        return false
      case 'often':
        return this.#random.unit() >= 0.1
      case 'seldom':
        return this.#random.unit() >= 0.01
      case 'turned':
      case 'renewed':
        worker.isTurned ||= rate <= target
        return !worker.isTurned
      case 'paired':
        worker.isTurned ||= rate ** 2 / (rate ** 2 + (1 - rate) ** 2) <= target
        return !worker.isTurned
      default:
        return true
    }
  }

  #judged(worker: WorkerState, agreed: boolean): void {
    worker.history = withVerdict(worker.history, agreed ? 'agreed' : 'disagreed', this.#now)
    worker.reputation = Math.min(1_000, worker.reputation + (agreed ? 5 : -10))
    if (agreed) return
    worker.isTurned = false
    if (this.#options.strategy === 'renewed' && worker.isLiar) Object.assign(worker, newcomer())
  }

  /** As many as a task can need, at random, of those that are given work. */
  #shuffled(): WorkerState[] {
    const open = this.#workers.filter((worker) => worker.reputation >= 50)
    const count = Math.min(open.length, roundsMax * this.#options.policy.replicas)
    for (let at = 0; at < count; at++) {
      const other = at + this.#random.below(open.length - at)
      ;[open[at], open[other]] = [open[other]!, open[at]!]
    }
    return open.slice(0, count)
  }
}

const newcomer = () => ({ history: noCredibility, reputation: 100, isTurned: false })

const answerOf = (digit: string): JudgedAnswer => {
  const outputHash = digit.repeat(64) as Hash
  return { outcomeHash: outputHash, outcome: { kind: 'ok', outputHash }, output: null }
}
const right = answerOf('0')
const wrong = answerOf('1')
const isWrong = (answer: JudgedAnswer): boolean => answer.outcomeHash === wrong.outcomeHash
