import { type Static, Type } from 'typebox'
import {
  type CoordinatorConfig,
  defaultCoordinatorConfig as coordinator,
} from '../../shared/task/coordinator-ports.ts'
import { dayMs } from '../storage/blob-retention.ts'

export const strict = { additionalProperties: false } as const

export const count = (minimum: number, maximum: number, fallback: number, description: string) =>
  Type.Integer({ minimum, maximum, default: fallback, description })

/** What a person may want otherwise of how a relay coordinates tasks. */
export const tasks = Type.Object(
  {
    queueMax: count(1, 1_000_000, coordinator.queueMax, 'tasks that wait for workers; more are refused'),
    openMax: count(
      1,
      1_000_000,
      coordinator.tasksMax,
      'tasks that are not finished, whatever they wait for; more are refused',
    ),
    retentionDays: count(
      1,
      3_650,
      coordinator.retentionMs / dayMs,
      'days that a finished task is kept for its submitter; then it goes to `archive/` in the data folder',
    ),
    finishedMax: count(
      1_000,
      10_000_000,
      coordinator.finishedMax,
      'finished tasks kept; beyond it the oldest go to the archive before their time',
    ),
    leaseSeconds: count(
      12,
      3_600,
      coordinator.leaseMs / 1_000,
      'seconds without a word after which a worker has lost its work to others; workers speak every 5 s',
    ),
    acknowledgeSeconds: count(
      1,
      300,
      coordinator.acknowledgeMs / 1_000,
      'seconds that a worker has to acknowledge work',
    ),
    overtimeSeconds: count(
      0,
      3_600,
      coordinator.overtimeMs / 1_000,
      'seconds beyond the time limit of a task before an execution is given up',
    ),
    timeoutsMax: count(
      0,
      100,
      coordinator.timeoutsMax,
      'new executions after some that took too long, before the task ends as `timeout`',
    ),
    attemptsMax: count(
      3,
      10_000,
      coordinator.attemptsMax,
      'executions of one task that were lost, before it ends as `failed`',
    ),
    roundsMax: count(
      1,
      10,
      coordinator.roundsMax,
      'rounds of fresh workers for a task whose answers do not agree',
    ),
    copiesMax: count(
      0,
      10,
      coordinator.copiesMax,
      'more executions than replicas that a round may have, because some are slow',
    ),
  },
  strict,
)

/** The coordinator's own words for it. */
export function coordinatorConfig(settings: Static<typeof tasks>): Partial<CoordinatorConfig> {
  const { openMax, retentionDays, leaseSeconds, acknowledgeSeconds, overtimeSeconds, ...same } = settings
  return {
    ...same,
    tasksMax: openMax,
    retentionMs: retentionDays * dayMs,
    leaseMs: leaseSeconds * 1_000,
    // Between the beat of a worker and its lease, as it is by default.
    lateMs: Math.round((leaseSeconds * 1_000 * coordinator.lateMs) / coordinator.leaseMs),
    acknowledgeMs: acknowledgeSeconds * 1_000,
    overtimeMs: overtimeSeconds * 1_000,
  }
}
