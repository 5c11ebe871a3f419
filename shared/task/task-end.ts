import type { Instant } from '../kernel/ids.ts'
import type { FinishedTask, TaskError, Vote } from './messages.ts'
import type { Attempt, CountedAnswer, TaskRecord } from './task-record.ts'

/** How a task comes to its end. */
export type End =
  | {
      readonly status: 'completed' | 'failed'
      /** The answers that stand behind its outcome, and that outcome. */
      readonly agreed: readonly Attempt[]
      readonly outcome: CountedAnswer['answer']
    }
  | { readonly status: 'failed' | 'timeout'; readonly error: TaskError['kind']; readonly message: string }
  | { readonly status: 'cancelled' }

/** The record of a task that has just entered `end.status`. */
export function finishedTask(record: TaskRecord, end: End, now: Instant): FinishedTask {
  const { outcome, output, error, votes } = endOf(end)
  const commitment = record.commitment
  const opened = votes.some((vote) => vote.peerId === commitment?.peerId) ? commitment : null
  return {
    task: record.submission.task,
    signature: record.submission.signature,
    status: end.status,
    outcome,
    output,
    error,
    votes,
    commitment: opened,
    attempts: record.attempts.length,
    durationMs: now - record.acceptedAt,
    transitions: [...record.transitions],
  }
}

function endOf(end: End): Pick<FinishedTask, 'outcome' | 'output' | 'error' | 'votes'> {
  if ('error' in end) {
    return {
      outcome: null,
      output: null,
      error: { kind: end.error, message: end.message, stack: null },
      votes: [],
    }
  }
  if (end.status === 'cancelled') return { outcome: null, output: null, error: null, votes: [] }
  const { outcome, output, error: text } = end.outcome
  const error: TaskError | null =
    outcome.kind === 'ok'
      ? null
      : { kind: outcome.error, message: text?.message ?? '', stack: text?.stack ?? null }
  return { outcome, output, error, votes: votesOf(end.agreed.map((attempt) => attempt.answer!)) }
}

/** Votes for different bytes have them with them, so that anyone can see that they agree. */
function votesOf(answers: readonly CountedAnswer[]): Vote[] {
  const differ = new Set(answers.map(({ vote }) => vote.outcomeHash)).size > 1
  return answers.map(({ answer, vote }) =>
    differ && answer.output?.kind === 'inline' ? { ...vote, output: answer.output.bytes } : vote,
  )
}
