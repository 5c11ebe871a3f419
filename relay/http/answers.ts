import { Type } from 'typebox'
import { taskStatuses } from '../../shared/task/task.ts'
import { about, count, hash, instant, oneOf, open, peerId, signature, strict, text, uuid } from './fields.ts'
import { task } from './schemas.ts'

/** The forms of answers, for the OpenAPI document. Answers are not checked with them while running: tests do that. */

export const problemSchema = open(
  {
    type: text('about:blank'),
    title: text('Of the status'),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: text('Stable, for programs'),
    detail: text('For people: what is wrong, and where'),
  },
  'RFC 9457',
)

export const acceptedSchema = open({
  task_id: uuid,
  status: Type.Literal('accepted'),
  estimated_completion_time: about(
    instant,
    'From the speed of the last minutes and what waits ahead; where workers are missing, as if they came within a minute',
  ),
})

const admittanceSchema = Type.Union([
  open({ taskId: uuid, accepted: Type.Literal(true) }),
  open({
    taskId: uuid,
    accepted: Type.Literal(false),
    code: text('As of problems'),
    message: text('For people'),
  }),
])
export const jobAcceptedSchema = open({
  jobId: uuid,
  items: Type.Array(admittanceSchema, { description: 'One for each task of the request, in its order' }),
})

const missing = Type.Optional(
  open({ workers: Type.Integer({ minimum: 1 }) }, 'What it waits for, where something is missing'),
)
const errorSchema = open({ kind: text('thrown, fuel, memory, … or cancelled'), message: text('') })
const outputBlob = open({ hash, sizeBytes: count }, 'An output of over 1 MiB: GET the blob')

export const taskReportSchema = open({
  taskId: uuid,
  jobId: Type.Union([uuid, Type.Null()], { description: 'null for a task of its own' }),
  status: oneOf(taskStatuses),
  submittedAt: instant,
  attempts: about(count, 'Executions handed out'),
  missing,
  completedAt: Type.Optional(instant),
  durationMs: Type.Optional(count),
  verifications: Type.Optional(about(count, 'Workers that agree on the end')),
  output: Type.Optional(Type.Unknown({ description: 'JSON, as the program wrote it' })),
  outputBlob: Type.Optional(outputBlob),
  error: Type.Optional(errorSchema),
})

const jobCounts = {
  jobId: uuid,
  accepted: about(count, 'Tasks'),
  completed: count,
  failed: about(count, 'Failed, timed out and cancelled'),
  executions: about(count, 'Of the tasks that have ended'),
}
const jobTimes = {
  submittedAt: about(instant, 'Of its first task, by the word of its submitter'),
  lastEndAt: Type.Optional(about(instant, 'Of the task that ended last')),
}

export const jobReportSchema = open({ ...jobCounts, ...jobTimes, missing })

export const jobListSchema = open({
  jobs: Type.Array(open({ ...jobCounts, ...jobTimes }), { description: 'Newest first' }),
  next: Type.Optional(text('Give it as `after` for the next page; absent on the last one')),
})

export const acceptedEventSchema = open({ taskId: uuid })
export const jobProgressSchema = open({ ...jobCounts, missing })
export const taskProgressSchema = open({
  taskId: uuid,
  status: oneOf(taskStatuses),
  attempts: about(count, 'Executions handed out'),
  missing,
})

export const endEventSchema = open({
  taskId: uuid,
  index: count,
  status: oneOf(['completed', 'failed', 'timeout', 'cancelled']),
  completedAt: instant,
  attempts: count,
  durationMs: count,
  verifications: about(count, 'Workers that agree on the end'),
  outputHash: Type.Optional(hash),
  outputSizeBytes: Type.Optional(count),
  error: Type.Optional(errorSchema),
})

export const resultLineSchema = Type.Union([
  open({
    index: count,
    taskId: uuid,
    status: Type.Literal('completed'),
    output: Type.Optional(Type.Unknown({ description: 'JSON, as the program wrote it' })),
    outputBlob: Type.Optional(outputBlob),
  }),
  open({ index: count, taskId: uuid, status: Type.Literal('failed'), error: errorSchema }),
])

const outcome = Type.Union([
  Type.Object({ kind: Type.Literal('ok'), outputHash: hash }, strict),
  Type.Object({ kind: Type.Literal('error'), error: text('fuel, memory, thrown, …') }, strict),
])
const vote = Type.Object(
  {
    peerId,
    epoch: count,
    attempt: count,
    outcomeHash: hash,
    at: instant,
    batch: Type.Object(
      { root: hash, index: count, size: count, path: Type.Array(hash), signature },
      { ...strict, description: 'Proof that the vote is under the root that its voter signed' },
    ),
    admission: Type.Union([
      Type.Object(
        {
          operator: Type.Union([hash, Type.Null()]),
          subnetTag: Type.Union([Type.String(), Type.Null()]),
          relay: peerId,
          signature,
        },
        { ...strict, description: 'What the admitting relay states of the voter' },
      ),
      Type.Null(),
    ]),
    output: Type.Optional(
      Type.String({
        pattern: '^(?:[0-9a-f]{2})*$',
        description: 'Hex of the bytes it voted for, where the votes of a task are for different ones',
      }),
    ),
  },
  strict,
)
export const receiptSchema = Type.Object(
  {
    format: Type.Literal('tabmesh-receipt/1'),
    networkId: hash,
    tasks: Type.Array(
      Type.Object(
        {
          task,
          submitterSignature: signature,
          outcome,
          votes: Type.Array(vote),
          commitment: Type.Union([Type.Object({ peerId, hash, salt: hash, signature }, strict), Type.Null()]),
        },
        strict,
      ),
    ),
  },
  { ...strict, description: 'Check it with `tabmesh verify` or the client library: it needs no relay' },
)

export const networkSchema = open({
  networkId: hash,
  peerId,
  multiaddrs: Type.Array(Type.String(), { description: 'Where peers reach this relay' }),
  policy: oneOf(['open', 'curated']),
  relays: Type.Array(Type.String(), {
    description: 'URLs of the relays of the network that live, this one first',
  }),
})

const perPriority = open({ critical: count, normal: count, low: count })
export const statusSchema = open({
  networkId: hash,
  relay: open({ peerId, version: text(''), uptimeSeconds: count, multiaddrs: Type.Array(Type.String()) }),
  peers: open({ total: count, tabs: count, agents: count, relays: count }),
  workers: open({ count, slots: count, busy: count, operators: count }),
  tasks: open(Object.fromEntries(taskStatuses.map((status) => [status, count]))),
  queue: about(perPriority, 'Tasks that wait for workers'),
  ledger: open({ replicas: count, height: count }),
  store: text('sqlite, files, redis or postgres'),
  disagreements: Type.Record(Type.String(), count, {
    description: 'Answers that were not those of the quorum, by peer',
  }),
})

export const healthSchema = open({ status: Type.Literal('ok') })
export const readySchema = open({ status: Type.Literal('ready') })
export const blobPartSchema = open({ receivedBytes: count, totalBytes: count })
