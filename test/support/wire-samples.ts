import type { Hash, JobId, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import type { Answer, FinishedTask, Submission, Vote } from '../../shared/task/messages.ts'
import { defaultLimits, defaultVerification, type Task } from '../../shared/task/task.ts'

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const peer = (n: number): PeerId => `12D3KooW${base58[n]!.repeat(44)}` as PeerId
const hash = (digit: string): Hash => digit.repeat(64) as Hash
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7)
const at = '2026-11-20T12:00:00.000Z'
const taskId = '11111111-1111-4111-8111-111111111111' as TaskId

const task: Task = {
  taskId,
  jobId: '22222222-2222-4222-8222-222222222222' as JobId,
  index: 3,
  submitter: peer(1),
  programHash: hash('a'),
  inputHash: hash('b'),
  seed: 'c'.repeat(64),
  limits: defaultLimits,
  verification: defaultVerification,
  submittedAt: at,
}
const key = { taskId, epoch: 1, attempt: 2 }
const input = { kind: 'inline', bytes: bytes(12) } as const
const submission: Submission = {
  task,
  signature: bytes(64),
  taskType: 'javascript',
  priority: 'normal',
  programSizeBytes: 100,
  input,
}
const answer: Answer = {
  ...key,
  taskDigest: hash('d'),
  outcome: { kind: 'ok', outputHash: hash('e') },
  outcomeHash: hash('f'),
  at,
  output: { kind: 'blob', hash: hash('e'), sizeBytes: 9_000 },
  error: null,
  durationMs: 12,
  commitment: { hash: hash('1'), salt: bytes(32), signature: bytes(64) },
}
const failure: Answer = {
  ...answer,
  outcome: { kind: 'error', error: 'thrown' },
  output: null,
  error: { message: 'no', stack: 'at line 1' },
}
const vote: Vote = {
  peerId: peer(2),
  epoch: 1,
  attempt: 2,
  outcomeHash: hash('f'),
  at,
  batch: { root: hash('2'), index: 0, size: 2, path: [hash('3')], signature: bytes(64) },
  admission: { operator: hash('4'), subnetTag: 'abcd', relay: peer(3), signature: bytes(64) },
}
const finished: FinishedTask = {
  task,
  signature: bytes(64),
  status: 'completed',
  outcome: { kind: 'ok', outputHash: hash('e') },
  output: input,
  error: null,
  votes: [vote, { ...vote, peerId: peer(4), admission: null }],
  commitment: { ...answer.commitment!, peerId: peer(2) },
  attempts: 3,
  durationMs: 100,
  transitions: [
    ['pending', 1],
    ['completed', 2],
  ],
}

/** One well-formed message of every kind; what they say belongs to no real task. */
export const wireSamples: { readonly [T in WireMessage['type']]: Extract<WireMessage, { type: T }> } = {
  'member/presence': {
    type: 'member/presence',
    kind: 'tab',
    version: '0.1.0',
    slots: 2,
    running: 1,
    reply: true,
  },
  'mesh/neighboursWanted': { type: 'mesh/neighboursWanted', count: 9 },
  'mesh/neighbours': { type: 'mesh/neighbours', peers: [peer(5), peer(6)] },
  'task/seek': { type: 'task/seek' },
  'task/withdraw': { type: 'task/withdraw', items: [{ taskId: key.taskId, epoch: 2 }] },
  'task/withdrawn': { type: 'task/withdrawn', taskIds: [key.taskId] },
  'task/offer': {
    type: 'task/offer',
    slots: 2,
    capacity: 6,
    holding: [{ ...key, runningMs: 20, progress: 0 }],
  },
  'task/assign': {
    type: 'task/assign',
    items: [{ ...key, task, signature: bytes(64), programSizeBytes: 100, input }],
  },
  'task/answers': { type: 'task/answers', items: [answer, failure], signature: bytes(64) },
  'task/settle': { type: 'task/settle', taken: [key], dropped: [key] },
  'task/committed': {
    type: 'task/committed',
    items: [{ taskId, peerId: peer(2), hash: hash('1') }],
  },
  'task/handBack': { type: 'task/handBack', items: [{ ...key, reason: 'leaving' }] },
  'task/submit': { type: 'task/submit', items: [submission] },
  'task/submitReply': {
    type: 'task/submitReply',
    items: [
      { taskId, accepted: true },
      { taskId, accepted: false, code: 'QueueFull', message: 'Task queue full, try again later' },
    ],
  },
  'task/waiting': { type: 'task/waiting', missingWorkers: 2 },
  'task/finished': {
    type: 'task/finished',
    items: [
      finished,
      {
        ...finished,
        status: 'failed',
        outcome: { kind: 'error', error: 'fuel' },
        output: null,
        error: { kind: 'fuel', message: 'out of fuel', stack: null },
      },
    ],
  },
  'task/finishedReceived': { type: 'task/finishedReceived', taskIds: [taskId] },
  'task/cancel': { type: 'task/cancel', taskIds: [taskId] },
}
