import type { TaskOptions } from '../../shared/client/task-options.ts'
import type { Priority } from '../../shared/task/task.ts'
import { type LimitOptions, limitsOf } from './limit-options.ts'
import { type PolicyOptions, policyOf } from './policy-options.ts'
import type { RelayOption } from './relay-option.ts'

/** What `submit` and `map` are told of each task, and of how to go about it. */
export interface TaskFlags extends LimitOptions, PolicyOptions, RelayOption {
  readonly type: string
  readonly program: string
  readonly receipt?: string
  /** Seconds. */
  readonly wait: number
  readonly priority: Priority
  readonly json?: boolean
}

/** Throws a UsageError where they do not go together. */
export const taskOptionsOf = (flags: TaskFlags): TaskOptions => ({
  taskType: flags.type,
  priority: flags.priority,
  limits: limitsOf(flags),
  verification: policyOf(flags),
})
