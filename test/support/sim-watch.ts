import type { PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { PeerEvent } from '../../shared/peer/inputs.ts'
import type { LossReason } from '../../shared/task/coordinator-ports.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import type { World } from '../sim/world.ts'

/** What an onlooker of a simulated network sees. */
export class SimWatch {
  readonly finished = new Map<TaskId, FinishedTask>()
  readonly received = new Set<TaskId>()
  readonly refused: string[] = []
  readonly judged = new Map<PeerId, { agreed: number; disagreed: number; noQuorum: number }>()
  readonly losses: Partial<Record<LossReason, number>> = {}
  badAnswers = 0
  receivedTwice = 0

  readonly note = (event: PeerEvent): void => {
    if (event.type === 'taskFinished') this.finished.set(event.finished.task.taskId, event.finished)
    else if (event.type === 'resultReceived') this.#received(event.finished.task.taskId)
    else if (event.type === 'submissionRefused') this.refused.push(event.message)
    else if (event.type === 'badAnswer') this.badAnswers++
    else if (event.type === 'attemptLost') this.losses[event.reason] = (this.losses[event.reason] ?? 0) + 1
    else if (event.type === 'verdict') {
      const tally = this.judged.get(event.worker) ?? { agreed: 0, disagreed: 0, noQuorum: 0 }
      tally[event.judged]++
      this.judged.set(event.worker, tally)
    }
  }

  #received(taskId: TaskId): void {
    if (this.received.has(taskId)) this.receivedTwice++
    this.received.add(taskId)
  }

  /** Ends that a submitter who is still here has not got. */
  undelivered(world: World): TaskId[] {
    return [...this.finished.values()]
      .filter(({ task }) => world.node(task.submitter)?.up && !this.received.has(task.taskId))
      .map(({ task }) => task.taskId)
  }
}
