import type { PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import type { HttpApp, HttpParts } from './parts.ts'
import { Problem } from './problem.ts'
import { receiptOf } from './receipt-text.ts'
import { resultField } from './result-line.ts'
import { idParams, submissionSchema } from './schemas.ts'
import { RefusedSubmission } from './submissions.ts'

export function taskRoutes(app: HttpApp, parts: HttpParts): void {
  const { api, access, submissions, estimate, signed } = parts

  async function accept(from: PeerId, body: unknown) {
    const [admittance] = await submissions.submit(from, [body as never])
    if (!admittance!.accepted) throw new RefusedSubmission(admittance!)
    return {
      task_id: admittance!.taskId,
      status: 'accepted',
      estimated_completion_time: await estimate.completionTime(),
    }
  }

  async function finishedFor(peer: PeerId, taskId: TaskId): Promise<FinishedTask> {
    const finished = await api.finished(taskId)
    if (finished === undefined) {
      const report = await api.report(taskId)
      if (report === undefined) throw unknown(taskId)
      access.check(peer, report.submitter, `task ${taskId}`)
      throw new Problem(409, 'NotFinished', `Task ${taskId} is ${report.status}`)
    }
    access.check(peer, finished.task.submitter, `task ${taskId}`)
    return finished
  }

  app.post('/api/v1/tasks', { ...signed, schema: { body: submissionSchema } }, async (request, reply) =>
    reply.code(202).send(await accept(request.sender!, request.body)),
  )

  app.get('/api/v1/tasks/:id', { ...signed, schema: { params: idParams } }, async (request, reply) => {
    const taskId = (request.params as { id: TaskId }).id
    const report = await api.report(taskId)
    if (report !== undefined) {
      access.check(request.sender!, report.submitter, `task ${taskId}`)
      const { submitter: _, ...told } = report
      return told
    }
    const finished = await api.finished(taskId)
    if (finished === undefined) throw unknown(taskId)
    access.check(request.sender!, finished.task.submitter, `task ${taskId}`)
    return reply.type('application/json').send(await finishedReport(finished, parts))
  })

  app.get(
    '/api/v1/tasks/:id/receipt',
    { ...signed, schema: { params: idParams } },
    async (request, reply) => {
      const finished = await finishedFor(request.sender!, (request.params as { id: TaskId }).id)
      return reply.type('application/json').send(receiptOf(api.networkId, finished))
    },
  )

  app.delete('/api/v1/tasks/:id', { ...signed, schema: { params: idParams } }, async (request, reply) => {
    const taskId = (request.params as { id: TaskId }).id
    const report = await api.report(taskId)
    const submitter = report?.submitter ?? (await api.finished(taskId))?.task.submitter
    if (submitter === undefined) throw unknown(taskId)
    access.check(request.sender!, submitter, `task ${taskId}`)
    if (report !== undefined) await api.cancel(submitter, [taskId])
    return reply.code(204).send()
  })

  // A task's signature covers its id, so a second try is a task of its own that only its submitter can sign.
  app.post(
    '/api/v1/tasks/:id/resubmit',
    { ...signed, schema: { params: idParams, body: submissionSchema } },
    async (request, reply) => {
      const failed = await finishedFor(request.sender!, (request.params as { id: TaskId }).id)
      const { task } = request.body as { task: { programHash: string; inputHash: string } }
      if (failed.status === 'completed') {
        throw new Problem(409, 'NotFailed', `Task ${failed.task.taskId} completed, and is not done again`)
      }
      if (task.programHash !== failed.task.programHash || task.inputHash !== failed.task.inputHash) {
        throw new Problem(
          422,
          'OtherTask',
          `The program or the input is not that of task ${failed.task.taskId}`,
        )
      }
      return reply.code(202).send(await accept(request.sender!, request.body))
    },
  )
}

const unknown = (taskId: TaskId): Problem =>
  new Problem(404, 'TaskNotFound', `No task ${taskId} is known here`)

/** As JSON text, so that the output stands in it as the program wrote it. */
async function finishedReport(finished: FinishedTask, { api }: HttpParts): Promise<string> {
  const { task, status, transitions, attempts, durationMs, votes } = finished
  const [, completedAt] = transitions.at(-1) ?? []
  const report = {
    taskId: task.taskId,
    status,
    submittedAt: task.submittedAt,
    ...(completedAt === undefined ? {} : { completedAt: new Date(completedAt).toISOString() }),
    ...{ attempts, durationMs, verifications: votes.length },
  }
  return `${JSON.stringify(report).slice(0, -1)},${await resultField(finished, api.blobs)}}`
}
