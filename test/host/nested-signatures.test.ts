import { beforeAll, describe, expect, test } from 'vitest'
import { newSubmission } from '../../shared/client/new-submission.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { isSignedBySubmitter, signParts, wrongPart } from '../../shared/host/nested-signatures.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import type { Answers, Submission } from '../../shared/task/messages.ts'
import { defaultLimits, type Task } from '../../shared/task/task.ts'
import { newKeys } from '../relay/http/test-keys.ts'
import { testNetworkId } from '../support/host-parts.ts'
import { answerTo, assignmentOf, makeTask } from '../support/task-fixtures.ts'
import { wireSamples } from '../support/wire-samples.ts'

let worker: CryptoPort
let submitter: CryptoPort
let relay: CryptoPort

beforeAll(async () => {
  const keys = await newKeys(3)
  worker = keys[0]!
  submitter = keys[1]!
  relay = keys[2]!
})

const check = (message: WireMessage, from = worker) => wrongPart(message, from.self, testNetworkId, relay)

async function answers(count: number, by = worker): Promise<Answers> {
  const items = Array.from({ length: count }, (_, n) =>
    answerTo(assignmentOf(makeTask(n + 1), n + 1), `out ${n}`),
  )
  const message = { type: 'task/answers', items, signature: new Uint8Array(0) } as const
  return (await signParts(message, testNetworkId, by)) as Answers
}

async function submission(by = submitter): Promise<Submission> {
  const plan = {
    networkId: testNetworkId,
    programHash: 'a'.repeat(64) as Hash,
    programSizeBytes: 10,
    taskType: 'javascript',
    jobId: null,
  }
  return await newSubmission(plan, 0, Buffer.from('1'), by, new Date())
}

const withItem = (message: Answers, at: number, change: object): Answers => ({
  ...message,
  items: message.items.map((item, i) => (i === at ? { ...item, ...change } : item)),
})

describe('TSK-09 signatures of answers', () => {
  test.each([1, 2, 3, 7, 256])('%d answers under one signature hold', async (count) => {
    expect(await check(await answers(count))).toBeUndefined()
  })

  test('of another worker they do not', async () => {
    expect(await check(await answers(2, submitter))).toContain('votes')
  })

  test('an empty batch is none', async () => {
    const { signature } = await answers(1)
    expect(await check({ type: 'task/answers', items: [], signature })).toBeDefined()
  })

  test.each([
    ['taskDigest', 'f'.repeat(64)],
    ['epoch', 2],
    ['attempt', 999],
    ['outcomeHash', 'f'.repeat(64)],
    ['at', '2031-01-01T00:00:00.000Z'],
  ])('a vote whose %s was changed does not hold', async (field, value) => {
    for (const at of [0, 2]) {
      expect(await check(withItem(await answers(3), at, { [field]: value }))).toBeDefined()
    }
  })

  test('nor does a batch whose votes were swapped, left out or given twice', async () => {
    const message = await answers(3)
    const [a, b, c] = message.items as [Answers['items'][0], Answers['items'][0], Answers['items'][0]]
    for (const items of [
      [b, a, c],
      [a, b],
      [a, b, c, c],
      [a, a, a],
    ]) {
      expect(await check({ ...message, items })).toBeDefined()
    }
  })

  test('nor a commitment that was made by another, for another task, or changed', async () => {
    const message = await answers(2)
    const [first, second] = message.items.map(({ commitment }) => commitment)
    const [foreign] = (await answers(2, submitter)).items
    expect(await check(withItem(message, 0, { commitment: second }))).toContain('commitment')
    expect(await check(withItem(message, 0, { commitment: foreign!.commitment }))).toContain('commitment')
    const changed = { ...first, hash: 'f'.repeat(64) }
    expect(await check(withItem(message, 1, { commitment: changed }))).toContain('commitment')
  })

  test('nor a signature of another network', async () => {
    const message = await answers(2)
    expect(await wrongPart(message, worker.self, 'cd'.repeat(32) as Hash, relay)).toBeDefined()
  })
})

describe('TSK-01 signatures of tasks', () => {
  const changes: readonly (readonly [string, Partial<Task>])[] = [
    ['the task id', { taskId: makeTask(9).task.taskId }],
    ['the program', { programHash: 'b'.repeat(64) as Hash }],
    ['the input', { inputHash: 'b'.repeat(64) as Hash }],
    ['the seed', { seed: '0'.repeat(64) }],
    ['a limit', { limits: { ...defaultLimits, fuel: 1 } }],
    ['the policy', { verification: { replicas: 2, quorum: 2, comparator: 'exact' } }],
    ['the index', { index: 1 }],
    ['the time', { submittedAt: '2031-01-01T00:00:00.000Z' }],
  ]

  test('hold in a submission and in an assignment', async () => {
    const item = await submission()
    expect(await isSignedBySubmitter(item, testNetworkId, relay)).toBe(true)
    expect(await check({ type: 'task/submit', items: [item] })).toBeUndefined()
    expect(await check({ type: 'task/assign', items: [assignmentOf(item, 1)] })).toBeUndefined()
  })

  test.each(changes)('a coordinator that changes %s is found out', async (_name, change) => {
    const item = await submission()
    const task = { ...item.task, ...change }
    expect(await check({ type: 'task/assign', items: [assignmentOf({ ...item, task }, 1)] })).toBeDefined()
    expect(await check({ type: 'task/submit', items: [{ ...item, task }] })).toBeDefined()
  })

  test('nobody submits in the name of another', async () => {
    const item = await submission()
    const task = { ...item.task, submitter: worker.self }
    expect(await isSignedBySubmitter({ task, signature: item.signature }, testNetworkId, relay)).toBe(false)
  })

  test('one bad task among many is enough', async () => {
    const items = await Promise.all(Array.from({ length: 20 }, () => submission()))
    items[13] = { ...items[13]!, signature: new Uint8Array(64) }
    expect(await check({ type: 'task/submit', items })).toContain(items[13].task.taskId)
  })
})

describe('DESIGN nested parts', () => {
  test('messages without any leave as they are and arrive unquestioned', async () => {
    for (const message of Object.values(wireSamples)) {
      if (['task/answers', 'task/submit', 'task/assign'].includes(message.type)) continue
      expect(await signParts(message, testNetworkId, worker)).toBe(message)
      expect(await check(message)).toBeUndefined()
    }
  })
})
