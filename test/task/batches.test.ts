import { describe, expect, test } from 'vitest'
import { encodeCanonical } from '../../shared/kernel/codec.ts'
import type { Hash, Instant } from '../../shared/kernel/ids.ts'
import { Outbox } from '../../shared/kernel/machine.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import { parseMessage } from '../../shared/peer/wire-shape.ts'
import type { CoordinatorAsk, CoordinatorEvent } from '../../shared/task/coordinator-ports.ts'
import type {
  Admission,
  Answer,
  FinishedTask,
  ToSubmitter,
  ToWorker,
  Vote,
} from '../../shared/task/messages.ts'
import { Post } from '../../shared/task/post.ts'
import { defaultSubmitterConfig, Submitter } from '../../shared/task/submitter.ts'
import { Worker } from '../../shared/task/worker.ts'
import { defaultWorkerConfig, type Ran } from '../../shared/task/worker-ports.ts'
import { sha256 } from '../sim/model-programs.ts'
import { assignmentOf, hashOf, jobId, makeTask, peerId, startMs, taskId } from '../support/task-fixtures.ts'

const relay = peerId(1)
const now = startMs as Instant
const largest = Number.MAX_SAFE_INTEGER
const largestLimits = {
  fuel: largest,
  memoryBytes: 2 ** 31,
  stackBytes: 1024 * 1024,
  outputBytes: 64 * 1024 * 1024,
  logBytes: 1024 * 1024,
  maxDurationSeconds: 86_400,
}
/** The longest text an error may carry, of three bytes a character. */
const message = '水'.repeat(1_000)
const stack = '水'.repeat(4_000)
const bytes = new Uint8Array(4_096)
const inputHash = Buffer.from(sha256(bytes)).toString('hex') as Hash

const submissionOf = (n: number) => {
  const made = makeTask(n, { jobId: jobId(n), index: largest, limits: largestLimits })
  return { ...made, task: { ...made.task, inputHash }, input: { kind: 'inline' as const, bytes } }
}

const admission: Admission = {
  operator: hashOf('operator'),
  subnetTag: 'f'.repeat(64),
  relay,
  signature: new Uint8Array(64),
}
const vote = (n: number): Vote => ({
  peerId: peerId(n),
  epoch: 1_000_000,
  attempt: 1_000_000,
  outcomeHash: hashOf('outcome'),
  at: new Date(startMs).toISOString(),
  batch: {
    root: hashOf('root'),
    index: 255,
    size: 256,
    path: Array.from({ length: 8 }, (_, height) => hashOf(`${height}`)),
    signature: new Uint8Array(64),
  },
  admission,
})

function finished(n: number, over: Partial<FinishedTask> = {}): FinishedTask {
  const { task, signature } = submissionOf(n)
  return {
    task,
    signature,
    status: 'failed',
    outcome: { kind: 'error', error: 'invalidProgram' },
    output: null,
    error: { kind: 'invalidProgram', message, stack },
    votes: Array.from({ length: 7 }, (_, voter) => vote(voter)),
    commitment: {
      peerId: relay,
      hash: hashOf('commitment'),
      salt: new Uint8Array(32),
      signature: new Uint8Array(64),
    },
    attempts: 100,
    durationMs: 86_400_000,
    transitions: [['pending', startMs]],
    ...over,
  }
}

/** What leaves a post of the coordinator. */
function posted(fill: (post: Post) => void): WireMessage[] {
  const post = new Post()
  const out = new Outbox<ToWorker | ToSubmitter, CoordinatorEvent, CoordinatorAsk>()
  fill(post)
  post.flush(out)
  return out.take().flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []))
}

/** SEC-08: at most 256 items and 64 KiB with the envelope around it, of which 4 KiB are set apart. */
function expectTaken(messages: readonly WireMessage[], items: number): void {
  let found = 0
  for (const one of messages) {
    const parsed = parseMessage(one)
    if (parsed instanceof Refusal) throw new Error(parsed.message)
    expect(encodeCanonical(one).length).toBeLessThanOrEqual(60 * 1024)
    const lists = Object.values(one).filter((value): value is unknown[] => Array.isArray(value))
    found += lists.reduce((sum, list) => sum + list.length, 0)
  }
  expect(found).toBe(items)
}

const count = 300
const each = <T>(make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n))

describe('SEC-08 every batch is one a peer takes, however large its items', () => {
  test('assignments', () => {
    expectTaken(
      posted((post) =>
        post.to(relay).assigned.push(...each((n) => assignmentOf(submissionOf(n), 1_000_000))),
      ),
      count,
    )
  })

  test('settlements', () => {
    const keys = each((n) => ({ taskId: taskId(n), epoch: 1_000_000, attempt: 1_000_000 }))
    const messages = posted((post) => {
      post.to(relay).taken.push(...keys)
      post.to(relay).dropped.push(...keys)
    })
    expectTaken(messages, 2 * count)
  })

  test('replies to submissions', () => {
    const refusals = each((n) => ({
      taskId: taskId(n),
      accepted: false as const,
      code: 'UnsupportedTaskType',
      message: `Unsupported task type: ${'水'.repeat(64)}`,
    }))
    expectTaken(
      posted((post) => post.to(relay).admitted.push(...refusals)),
      count,
    )
  })

  test('ends with long errors and many votes', () => {
    expectTaken(
      posted((post) => post.to(relay).finished.push(...each((n) => finished(n)))),
      count,
    )
  })

  test('ends with large outputs', () => {
    const output = { kind: 'inline' as const, bytes }
    const items = each((n) =>
      finished(n, {
        status: 'completed',
        outcome: { kind: 'ok', outputHash: inputHash },
        output,
        error: null,
      }),
    )
    expectTaken(
      posted((post) => post.to(relay).finished.push(...items)),
      count,
    )
  })

  test('ends whose votes are for seven different outputs', () => {
    const votes = Array.from({ length: 7 }, (_, voter) => ({ ...vote(voter), output: bytes }))
    const output = { kind: 'inline' as const, bytes }
    const over = { status: 'completed', outcome: { kind: 'ok', outputHash: inputHash }, error: null } as const
    expectTaken(
      posted((post) => post.to(relay).finished.push(...each((n) => finished(n, { ...over, output, votes })))),
      count,
    )
  })

  test('ends of tasks that were lost and given again a hundred times', () => {
    const transitions = Array.from(
      { length: 300 },
      (_, n) => [(['pending', 'assigned', 'running'] as const)[n % 3]!, startMs + n] as const,
    )
    expectTaken(
      posted((post) =>
        post.to(relay).finished.push(...each((n) => finished(n, { error: null, votes: [], transitions }))),
      ),
      count,
    )
  })

  test('answers', () => {
    const worker = new Worker({ ...defaultWorkerConfig, heldMax: count }, sha256)
    const out = new Outbox<WireMessage, never, never>()
    const give = (input: unknown) => worker.handle(input as never, now, out as never)
    give({ kind: 'command', command: { type: 'worker/lend', slots: count } })
    give({ kind: 'command', command: { type: 'worker/coordinatorUp', peer: relay } })
    for (let n = 0; n < count; n++)
      give({
        kind: 'message',
        from: relay,
        message: { type: 'task/assign', items: [assignmentOf(submissionOf(n), 1)] },
      })
    const ran: Ran = {
      kind: 'outcome',
      outcome: { kind: 'error', error: 'invalidProgram' },
      output: null,
      error: { message, stack },
      durationMs: largest,
      at: new Date(startMs).toISOString(),
      salt: new Uint8Array(32),
    }
    for (let n = 1; n <= count; n++) give({ kind: 'command', command: { type: 'worker/ran', runId: n, ran } })
    give({ kind: 'timer', key: 'worker/gather' })
    const messages = out
      .take()
      .flatMap((effect) =>
        effect.kind === 'send' && effect.message.type === 'task/answers' ? [effect.message] : [],
      )
    const signature = new Uint8Array(64)
    const signed = (item: Answer) => ({ ...item, commitment: { ...item.commitment!, signature } })
    expectTaken(
      messages.map((one) => ({ ...one, items: one.items.map(signed), signature })),
      count,
    )
  })

  const submitter = () => {
    const machine = new Submitter(defaultSubmitterConfig)
    const out = new Outbox<WireMessage, never, never>()
    const give = (input: unknown) => machine.handle(input as never, now, out as never)
    give({ kind: 'command', command: { type: 'submitter/coordinatorUp', peer: relay } })
    give({ kind: 'command', command: { type: 'submitter/submit', items: each(submissionOf) } })
    const sent = () => out.take().flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []))
    return { give, sent }
  }

  test('submissions', () => {
    expectTaken(submitter().sent(), count)
  })

  test('cancellations of a whole window', () => {
    const { give, sent } = submitter()
    sent()
    give({ kind: 'command', command: { type: 'submitter/cancel', taskIds: each(taskId) } })
    expectTaken(sent(), count)
  })
})
