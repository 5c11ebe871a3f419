import type { PeerId, TaskId } from '../../shared/kernel/ids.ts'
import { isFinal } from '../../shared/task/lifecycle.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import type { Priority } from '../../shared/task/task.ts'
import { acceptedSchema, receiptSchema, taskReportSchema } from './answers.ts'
import { taskBytesMax } from './bodies.ts'
import type { HttpApp } from './http-app.ts'
import { type Operation, optionsOf } from './operation.ts'
import type { HttpParts } from './parts.ts'
import { Problem } from './problem.ts'
import { receiptOf } from './receipt-text.ts'
import { resultField } from './result-line.ts'
import { idParams, submissionSchema } from './schemas.ts'
import { RefusedSubmission } from './submissions.ts'

const aTask = { section: 'tasks', isSigned: true, params: idParams } as const
const body = {
  type: 'application/json',
  text: 'The task, its signature, and its input or where that is',
  schema: submissionSchema,
} as const
const accepted = {
  202: {
    text: 'The task is taken, and on disk',
    content: { type: 'application/json', schema: acceptedSchema },
  },
} as const

const operations = {
  submit: {
    ...{ id: 'submitTask', section: 'tasks', isSigned: true, isSubmission: true },
    summary: 'Submit a task',
    text: 'Again with the same task it changes nothing, and is answered as the first time.',
    ...{ body, bodyBytesMax: taskBytesMax, answers: accepted },
  },
  report: {
    ...{ ...aTask, id: 'getTask', summary: 'What became of a task' },
    answers: { 200: { text: '', content: { type: 'application/json', schema: taskReportSchema } } },
    problems: ['TaskNotFound', 'Forbidden'],
  },
  receipt: {
    ...{ ...aTask, id: 'getTaskReceipt', summary: 'The receipt of a task' },
    text: 'The votes of the workers that agree, signed by them; anyone can check it offline.',
    answers: { 200: { text: '', content: { type: 'application/json', schema: receiptSchema } } },
    problems: ['TaskNotFound', 'Forbidden', 'NotFinished', 'NoQuorum'],
  },
  cancel: {
    ...{ ...aTask, id: 'cancelTask', summary: 'Cancel a task' },
    text: 'Of one that has ended it changes nothing.',
    answers: { 204: { text: 'It has ended' } },
    problems: ['TaskNotFound', 'Forbidden'],
  },
  resubmit: {
    ...{ ...aTask, id: 'resubmitTask', isSubmission: true, summary: 'Try a failed task again' },
    text: 'The body is a new task, with a new id, of the same program and input: a signature covers the id, so only the submitter can make it.',
    ...{ body, bodyBytesMax: taskBytesMax, answers: accepted },
    problems: ['TaskNotFound', 'NotFinished', 'NotFailed', 'OtherTask'],
  },
} as const satisfies Readonly<Record<string, Operation>>

export function taskRoutes(app: HttpApp, parts: HttpParts): void {
  const { api, access, submissions, estimate, firstAnswers } = parts

  async function accept(from: PeerId, submission: unknown) {
    const { priority = 'normal' } = submission as { priority?: Priority }
    const [admittance] = await submissions.submit(from, [submission as never])
    if (!admittance!.accepted) throw new RefusedSubmission(admittance!)
    return {
      task_id: admittance!.taskId,
      status: 'accepted',
      estimated_completion_time: await estimate.completionTime(priority),
    }
  }

  async function unknown(taskId: TaskId): Promise<Problem> {
    await api.fleet?.mustBeHere(taskId)
    return new Problem('TaskNotFound', `No task ${taskId} is known here`)
  }

  async function finishedFor(peer: PeerId, taskId: TaskId): Promise<FinishedTask> {
    const finished = await api.finished(taskId)
    if (finished === undefined) {
      const report = await api.report(taskId)
      if (report === undefined) throw await unknown(taskId)
      access.check(peer, report.submitter, `task ${taskId}`)
      throw new Problem('NotFinished', `Task ${taskId} is ${report.status}`)
    }
    access.check(peer, finished.task.submitter, `task ${taskId}`)
    return finished
  }

  app.post('/api/v1/tasks', optionsOf(operations.submit, parts), async (request, reply) =>
    firstAnswers.answer(request, reply, 202, () => accept(request.sender!, request.body)),
  )

  app.get('/api/v1/tasks/:id', optionsOf(operations.report, parts), async (request, reply) => {
    const taskId = (request.params as { id: TaskId }).id
    const report = await api.report(taskId)
    // One that has ended may still be reported on, while its last worker is waited for.
    const isOpen = report !== undefined && !isFinal(report.status)
    const finished = isOpen ? undefined : await api.finished(taskId)
    if (report !== undefined && finished === undefined) {
      access.check(request.sender!, report.submitter, `task ${taskId}`)
      const { submitter: _, ...told } = report
      return told
    }
    if (finished === undefined) throw await unknown(taskId)
    access.check(request.sender!, finished.task.submitter, `task ${taskId}`)
    return reply.type('application/json').send(await finishedReport(finished, parts))
  })

  app.get('/api/v1/tasks/:id/receipt', optionsOf(operations.receipt, parts), async (request, reply) => {
    const finished = await finishedFor(request.sender!, (request.params as { id: TaskId }).id)
    return reply.type('application/json').send(receiptOf(api.networkId, finished))
  })

  app.delete('/api/v1/tasks/:id', optionsOf(operations.cancel, parts), async (request, reply) => {
    const taskId = (request.params as { id: TaskId }).id
    const report = await api.report(taskId)
    const submitter = report?.submitter ?? (await api.finished(taskId))?.task.submitter
    if (submitter === undefined) throw await unknown(taskId)
    access.check(request.sender!, submitter, `task ${taskId}`)
    if (report !== undefined) await api.cancel(submitter, [taskId])
    return reply.code(204).send()
  })

  // A task's signature covers its id, so a second try is a task of its own that only its submitter can sign.
  app.post('/api/v1/tasks/:id/resubmit', optionsOf(operations.resubmit, parts), async (request, reply) =>
    firstAnswers.answer(request, reply, 202, async () => {
      const failed = await finishedFor(request.sender!, (request.params as { id: TaskId }).id)
      const { task } = request.body as { task: { programHash: string; inputHash: string } }
      if (failed.status === 'completed') {
        throw new Problem('NotFailed', `Task ${failed.task.taskId} completed, and is not done again`)
      }
      if (task.programHash !== failed.task.programHash || task.inputHash !== failed.task.inputHash) {
        throw new Problem('OtherTask', `The program or the input is not that of task ${failed.task.taskId}`)
      }
      return accept(request.sender!, request.body)
    }),
  )
}

/** As JSON text, so that the output stands in it as the program wrote it. */
async function finishedReport(finished: FinishedTask, { api }: HttpParts): Promise<string> {
  const { task, status, transitions, attempts, durationMs, votes } = finished
  const [, completedAt] = transitions.at(-1) ?? []
  const report = {
    taskId: task.taskId,
    jobId: task.jobId,
    status,
    submittedAt: task.submittedAt,
    ...(completedAt === undefined ? {} : { completedAt: new Date(completedAt).toISOString() }),
    ...{ attempts, durationMs, verifications: votes.length },
  }
  return `${JSON.stringify(report).slice(0, -1)},${await resultField(finished, api.blobs)}}`
}
