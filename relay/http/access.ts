import type { JobId, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import { Problem } from './problem.ts'
import type { RelayApi } from './relay-api.ts'

/** TSK-12: tasks and jobs are told of to their submitter and to Admins only. */
export class Access {
  readonly #api: RelayApi

  constructor(api: RelayApi) {
    this.#api = api
  }

  /** Throws a Problem unless the peer may see what is of that submitter. */
  check(peer: PeerId, submitter: PeerId, what: string): void {
    if (peer === submitter || this.#api.isAdmin(peer)) return
    throw new Problem('Forbidden', `Forbidden: ${what} is of another submitter, and the sender is no Admin`)
  }

  /** The submitter of a task that the peer may see. Throws a Problem otherwise. */
  async taskFor(peer: PeerId, id: TaskId): Promise<PeerId> {
    const submitter =
      (await this.#api.report(id))?.submitter ?? (await this.#api.finished(id))?.task.submitter
    if (submitter === undefined) await this.#api.fleet?.mustBeHere(id)
    if (submitter === undefined) throw new Problem('TaskNotFound', `No task ${id} is known here`)
    this.check(peer, submitter, `task ${id}`)
    return submitter
  }

  /** The submitter of a job (or of a task without one) that the peer may see. Throws a Problem otherwise. */
  async jobFor(
    peer: PeerId,
    id: JobId | TaskId,
  ): Promise<{ readonly id: JobId | TaskId; readonly submitter: PeerId }> {
    await this.#api.fleet?.mustBeHere(id)
    const submitter =
      (await this.#api.job(id as JobId))?.submitter ??
      (await this.#api.report(id as TaskId))?.submitter ??
      (await this.#api.finishedOf(id, 0, 1))[0]?.task.submitter
    if (submitter === undefined) throw new Problem('JobNotFound', `No job ${id} is known here`)
    this.check(peer, submitter, `job ${id}`)
    return { id, submitter }
  }
}
