import type { TaskStatus } from './task.ts'

/** TSK-05: where a task may go from each state. `completed`, `failed`, `timeout` and `cancelled` are final. */
const legal: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
  pending: ['assigned', 'failed', 'timeout', 'cancelled'],
  assigned: ['running', 'pending', 'failed', 'timeout', 'cancelled'],
  running: ['pending_verification', 'pending', 'failed', 'timeout', 'cancelled'],
  pending_verification: ['completed', 'failed', 'verification_failed', 'timeout', 'cancelled'],
  verification_failed: ['pending', 'failed', 'cancelled'],
  completed: [],
  failed: [],
  timeout: [],
  cancelled: [],
}

export const mayFollow = (from: TaskStatus, to: TaskStatus): boolean => legal[from].includes(to)
export const isFinal = (status: TaskStatus): boolean => legal[status].length === 0
