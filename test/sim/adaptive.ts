import { parseArgs } from 'node:util'
import { AdaptiveModel, type ModelReport, strategies } from './adaptive-model.ts'

/** What adaptive policies cost and how often they are wrong, beside two of three, for every way to lie. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '7' },
    tasks: { type: 'string', default: '50000' },
    liars: { type: 'string', default: '0.1' },
    json: { type: 'boolean', default: false },
  },
})
const twoOfThree = { replicas: 3, quorum: 2, comparator: 'exact' } as const
const policies = [twoOfThree, ...[0.01, 0.001].map((errorTarget) => ({ ...twoOfThree, errorTarget }))]
const [seed, tasks, liars] = [values.seed, values.tasks, values.liars].map(Number) as [number, number, number]
const share = (part: number, of: number): number => Number((part / Math.max(1, of)).toPrecision(3))

for (const strategy of strategies) {
  for (const policy of policies) {
    const options = { seed, tasks, liars, strategy, policy, workers: 100, tasksPerDay: 20_000 }
    const report: ModelReport = new AdaptiveModel(options).run()
    const line = {
      strategy,
      errorTarget: 'errorTarget' in policy ? policy.errorTarget : null,
      wrongShare: share(report.wrong, report.accepted),
      wrongShareByCredibility: share(report.byCredibility.wrong, report.byCredibility.accepted),
      byCredibility: report.byCredibility.accepted,
      executionsPerTask: share(report.executions, tasks),
      executionsPerTaskOfLastHalf: share(report.executionsOfLastHalf, Math.ceil(tasks / 2)),
      failed: report.failed,
    }
    process.stdout.write(
      values.json
        ? `${JSON.stringify(line)}\n`
        : `${strategy.padEnd(8)} ${policy === twoOfThree ? '2 of 3        ' : `target ${String(line.errorTarget).padEnd(7)}`} ` +
            `wrong ${String(line.wrongShare).padEnd(9)} by credibility ${String(line.wrongShareByCredibility).padEnd(9)} ` +
            `of ${String(line.byCredibility).padEnd(6)} executions per task ${String(line.executionsPerTask).padEnd(5)} ` +
            `in the last half ${line.executionsPerTaskOfLastHalf}\n`,
    )
  }
}
