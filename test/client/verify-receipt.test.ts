import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeVerdict } from '../../shared/client/receipt-verdict.ts'
import { readReceiptText, verifyReceipt } from '../../shared/client/verify-receipt.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import type { Receipt, ReceiptTask, ReceiptVote } from '../../shared/task/receipt.ts'
import { GuestFault } from '../relay/http/loopback-relay.ts'
import { checker, newKey, sha256 } from '../relay/http/test-keys.ts'
import { type RanJob, receiptTextOf, runJob } from './receipts.ts'

type Mutable<T> = T extends string ? T : T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T

let job: RanJob
let small: RanJob

beforeAll(async () => {
  const operators = ['aa', 'aa', 'bb'].map((each) => each.repeat(32) as Hash)
  const program = (_: string, item: unknown) => {
    if (item === 3) throw new GuestFault('fuel', 'out of fuel')
    return { twice: Number(item) * 2 }
  }
  job = await runJob(
    Array.from({ length: 20 }, (_, index) => index),
    { program, operators },
  )
  small = await runJob([1, 2], { program, operators })
})

const verify = (receipt: unknown) => verifyReceipt(receipt, { crypto: checker })
const copy = (receipt: Receipt = job.receipt) => structuredClone(receipt) as Mutable<Receipt>

/** What a verifier says after one change. */
async function reasonAfter(change: (receipt: Mutable<Receipt>) => void): Promise<string | undefined> {
  const changed = copy()
  change(changed)
  const { valid, reason } = await verify(changed)
  expect(valid).toBe(false)
  return reason
}

describe('TSK-11 a receipt that stands', () => {
  test('TSK-11 is valid, and counts tasks, workers and operators', async () => {
    const verdict = await verify(job.receipt)
    expect(verdict).toEqual({
      ...{ valid: true, tasks: 20, workers: 3, operators: 2, subnets: 1, trust: 'none given' },
      policies: [{ replicas: 3, quorum: 2, comparator: 'exact', tasks: 20, belowQuorum: 0, differing: 0 }],
    })
    expect(describeVerdict(verdict)).toBe('valid: 20 tasks, 3 workers, 2 operators, trust: none given')
  })

  test('TSK-11 says one of each in the singular', () => {
    const counts = { tasks: 1, workers: 1, operators: 1, subnets: 1 }
    const verdict = { valid: true, ...counts, policies: [], trust: 'none given' }
    expect(describeVerdict(verdict)).toBe('valid: 1 task, 1 worker, 1 operator, trust: none given')
  })

  test('TSK-11 counts workers of whom no operator is known as one operator', async () => {
    const { receipt } = await runJob(Array(12).fill(1), { workers: 3 })
    expect(await verify(receipt)).toMatchObject({ valid: true, workers: 3, operators: 1 })
    const mixed = await runJob(Array(12).fill(2), {
      workers: 3,
      operators: [null, 'cc'.repeat(32) as Hash, null],
    })
    expect(await verify(mixed.receipt)).toMatchObject({ valid: true, operators: 2 })
  })

  test('TSK-11 holds agreed errors as well as results', () => {
    const outcomes = job.receipt.tasks.map((task) => task.outcome)
    expect(outcomes[3]).toEqual({ kind: 'error', error: 'fuel' })
    expect(outcomes[4]).toEqual({
      kind: 'ok',
      outputHash: toHex(sha256(new TextEncoder().encode('{"twice":8}'))),
    })
  })

  test('TSK-11 is valid for a policy of its own', async () => {
    const plan = { verification: { replicas: 5, quorum: 4, comparator: 'exact' } as const }
    const { receipt } = await runJob([1], { workers: 5, plan })
    expect(receipt.tasks[0]?.votes).toHaveLength(4)
    expect(await verify(receipt)).toMatchObject({ valid: true, workers: 4 })
  })

  test('TSK-11 is the same whichever way its text is laid out, field order included', async () => {
    const pretty = JSON.stringify(job.receipt, null, 2)
    expect(await verify(readReceiptText(pretty))).toMatchObject({ valid: true })
    const reversed = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(reversed)
        : value === null || typeof value !== 'object'
          ? value
          : Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([name, each]) => [name, reversed(each)]),
            )
    expect(await verify(reversed(job.receipt))).toMatchObject({ valid: true })
  })

  test('TSK-11 says what the voters were held against', async () => {
    const trusted = new Set(job.relay.workers.map((worker) => worker.self))
    const verdict = await verifyReceipt(job.receipt, { crypto: checker, trusted })
    expect(verdict).toMatchObject({ valid: true, trust: 'list of 3 keys' })
  })
})

describe('TSK-11 a receipt that does not stand', () => {
  test('TSK-11 every byte of a receipt is covered: whichever is changed, it is not valid', {
    timeout: 120_000,
  }, async () => {
    const text = receiptTextOf(small.relay, small.finished)
    expect(await verify(readReceiptText(text))).toMatchObject({ valid: true, tasks: 2 })
    expect(small.receipt.tasks.some((task) => task.votes.some((vote) => vote.batch.size > 1))).toBe(true)
    const unnoticed: string[] = []
    for (let at = 0; at < text.length; at++) {
      for (const bit of [1, 2]) {
        const flipped = String.fromCharCode(text.charCodeAt(at) ^ bit)
        const changed = readReceiptText(text.slice(0, at) + flipped + text.slice(at + 1))
        if (changed instanceof Refusal) continue
        if ((await verify(changed)).valid) unnoticed.push(`${at}: ${text.slice(at - 20, at)}>${flipped}<`)
      }
    }
    expect(unnoticed).toEqual([])
  })

  test('TSK-11 every value of a receipt is covered: digits and letters replaced by others', async () => {
    const text = receiptTextOf(small.relay, small.finished)
    const letters = [...'0189afAFz- .eE"[]{},:\\']
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.constantFrom(...letters), async (at, letter) => {
        fc.pre(text[at] !== letter)
        const changed = readReceiptText(text.slice(0, at) + letter + text.slice(at + 1))
        if (!(changed instanceof Refusal)) expect((await verify(changed)).valid).toBe(false)
      }),
      { numRuns: 3_000 },
    )
  })

  test.each<[string, (receipt: Mutable<Receipt>) => void, RegExp]>([
    [
      'the format',
      (r) => Object.assign(r, { format: 'tabmesh-receipt/2' }),
      /receipt\.format: expected one of/,
    ],
    ['an unknown field', (r) => Object.assign(r, { note: 1 }), /receipt\.note: unknown field/],
    [
      'an unknown field deep inside',
      (r) => Object.assign(first(r).votes[0]!.batch, { x: 1 }),
      /x: unknown field/,
    ],
    [
      'another network',
      (r) => Object.assign(r, { networkId: 'ab'.repeat(32) }),
      /signature of its submitter/,
    ],
    ['no task at all', (r) => Object.assign(r, { tasks: [] }), /holds no task/],
    ['a task twice', (r) => r.tasks.push(first(r)), /stands in it twice/],
    ['another task id', (r) => Object.assign(first(r).task, { taskId: uuid }), /signature of its submitter/],
    ['another position', (r) => Object.assign(first(r).task, { index: 7 }), /signature of its submitter/],
    ['more fuel', (r) => Object.assign(first(r).task.limits, { fuel: 1 }), /signature of its submitter/],
    [
      'a time in another form',
      (r) => Object.assign(first(r).task, { submittedAt: '2025-11-20T10:00:00Z' }),
      /submittedAt/,
    ],
    [
      'upper case hex',
      (r) => Object.assign(r, { networkId: r.networkId.toUpperCase() }),
      /networkId: not of the form/,
    ],
    [
      'a signature of another task',
      (r) => Object.assign(first(r), { submitterSignature: r.tasks[1]!.submitterSignature }),
      /signature of its submitter/,
    ],
    [
      'another output',
      (r) => Object.assign(first(r).outcome, { outputHash: 'cd'.repeat(32) }),
      /is for another outcome/,
    ],
    [
      'an error for a result',
      (r) => Object.assign(first(r), { outcome: { kind: 'error', error: 'fuel' } }),
      /is for another outcome/,
    ],
    [
      'an unknown error',
      (r) => Object.assign(first(r), { outcome: { kind: 'error', error: 'host' } }),
      /expected one of/,
    ],
    ['one vote only', (r) => first(r).votes.pop(), /1 vote where its policy asks for 2/],
    ['no vote', (r) => Object.assign(first(r), { votes: [] }), /0 votes where/],
    [
      'a voter twice',
      (r) => Object.assign(first(r), { votes: [first(r).votes[0]!, first(r).votes[0]!] }),
      /votes twice/,
    ],
    [
      'the vote of another',
      (r) => Object.assign(voteOf(r), { peerId: otherVoter(first(r)) }),
      /signature is wrong|votes twice/,
    ],
    ['another attempt', (r) => Object.assign(voteOf(r), { attempt: 9 }), /not under the root/],
    ['another epoch', (r) => Object.assign(voteOf(r), { epoch: 2 }), /not under the root/],
    [
      'another time of the vote',
      (r) => Object.assign(voteOf(r), { at: '2020-01-01T00:00:00.000Z' }),
      /not under the root/,
    ],
    ['a path cut short', (r) => voteOf(r).batch.path.pop(), /not under the root/],
    [
      'another size of the batch',
      (r) => Object.assign(voteOf(r).batch, { size: voteOf(r).batch.size - 1 }),
      /not under the root/,
    ],
    [
      'an index out of the batch',
      (r) => Object.assign(voteOf(r).batch, { index: voteOf(r).batch.size }),
      /not under the root/,
    ],
    ['another root', (r) => Object.assign(voteOf(r).batch, { root: 'ef'.repeat(32) }), /not under the root/],
    [
      'another operator',
      (r) => Object.assign(voteOf(r).admission!, { operator: 'ff'.repeat(32) }),
      /signature of its admission/,
    ],
    [
      'no operator',
      (r) => Object.assign(voteOf(r).admission!, { operator: null }),
      /signature of its admission/,
    ],
    [
      'another subnet',
      (r) => Object.assign(voteOf(r).admission!, { subnetTag: 'cd12' }),
      /signature of its admission/,
    ],
    [
      'another relay',
      (r) => Object.assign(voteOf(r).admission!, { relay: voteOf(r).peerId }),
      /signature of its admission/,
    ],
    ['another salt', (r) => Object.assign(first(r).commitment!, { salt: '00'.repeat(32) }), /does not open/],
    [
      'a commitment of one who did not vote',
      (r) => Object.assign(first(r).commitment!, { peerId: first(r).task.submitter }),
      /did not vote/,
    ],
    [
      'the commitment of another task',
      (r) => Object.assign(first(r), { commitment: r.tasks[1]!.commitment }),
      /commitment/,
    ],
    [
      'a wrong signature of the commitment',
      (r) => Object.assign(first(r).commitment!, { signature: first(r).submitterSignature }),
      /signature of the commitment/,
    ],
  ])('TSK-11 refuses %s', async (_, change, reason) => {
    expect(await reasonAfter(change)).toMatch(reason)
  })

  test.each(['format', 'networkId', 'tasks'])('TSK-11 refuses a receipt without %s', async (name) => {
    expect(await reasonAfter((receipt) => Reflect.deleteProperty(receipt, name))).toContain(
      `${name}: missing`,
    )
  })

  test('TSK-11 names the task that is at fault', async () => {
    const reason = await reasonAfter((receipt) => receipt.tasks[13]!.votes.pop())
    expect(reason).toContain(job.receipt.tasks[13]!.task.taskId)
  })

  test('TSK-11 refuses voters that are not in the list of trusted keys', async () => {
    const trusted = new Set<PeerId>([job.relay.workers[0]!.self, job.relay.workers[1]!.self])
    const verdict = await verifyReceipt(job.receipt, { crypto: checker, trusted })
    expect(verdict).toMatchObject({ valid: false, trust: 'list of 2 keys' })
    expect(verdict.reason).toContain(`${job.relay.workers[2]!.self} voted and is not in the list`)
  })

  test('TSK-11 refuses votes made of thin air for a policy that asks for one', async () => {
    const submitter = await newKey()
    const changed = copy()
    changed.tasks.length = 1
    const [task] = changed.tasks
    Object.assign(task!.task.verification, { replicas: 1, quorum: 1 })
    Object.assign(task!.task, { submitter: submitter.self })
    const { taskDigest, taskSigningBytes } = await import('../../shared/task/digest.ts')
    const signed = taskSigningBytes(
      changed.networkId as Hash,
      taskDigest(task!.task as ReceiptTask['task'], sha256),
    )
    Object.assign(task!, { submitterSignature: toHex(await submitter.sign(signed)) })
    expect((await verify(changed)).reason).toContain('1 of 1 is no quorum')
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a number', 7],
    ['a text', 'tabmesh-receipt/1'],
    ['a list', []],
    ['an empty object', {}],
    ['tasks that are no list', { format: 'tabmesh-receipt/1', networkId: 'ab'.repeat(32), tasks: {} }],
    ['a task that is null', { format: 'tabmesh-receipt/1', networkId: 'ab'.repeat(32), tasks: [null] }],
  ])('TSK-11 refuses %s for a receipt', async (_, value) => {
    expect((await verify(value)).valid).toBe(false)
  })

  test('TSK-11 refuses any other JSON without a throw', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (value) => {
        expect((await verify(value)).valid).toBe(false)
      }),
    )
  })

  test('TSK-11 refuses receipts with parts replaced by anything', async () => {
    const places = pathsOf(small.receipt)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), fc.jsonValue(), async (path, value) => {
        const changed = structuredClone(small.receipt)
        const parent = path
          .slice(0, -1)
          .reduce<Record<string, unknown>>(
            (at, name) => at[name] as Record<string, unknown>,
            changed as unknown as Record<string, unknown>,
          )
        const name = path.at(-1)!
        fc.pre(JSON.stringify(parent[name]) !== JSON.stringify(value))
        // Without its commitment, or without what a relay said of a voter, a receipt says less and still stands.
        fc.pre(!(value === null && (name === 'commitment' || name === 'admission')))
        parent[name] = value
        expect((await verify(changed)).valid).toBe(false)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('TSK-11 the text of a receipt', () => {
  test.each([
    ['a field given twice', (text: string) => text.replace('{"format"', '{"format":"x","format"')],
    ['an escaped letter', (text: string) => text.replace('tabmesh-receipt/1', 'tabmesh\\u002dreceipt/1')],
    ['an escaped slash', (text: string) => text.replace('receipt/1', 'receipt\\/1')],
    ['a number with a point', (text: string) => text.replace('"epoch":1', '"epoch":1.0')],
    ['a number with an exponent', (text: string) => text.replace('"fuel":10000000000', '"fuel":1e10')],
    ['a minus zero', (text: string) => text.replace('"index":0', '"index":-0')],
    ['no JSON', (text: string) => text.slice(0, -1)],
    ['a text longer than any in a receipt', () => `{"a":"${' x'.repeat(1_000_000)}"  }`],
  ])('TSK-11 refuses %s', (_, change) => {
    const text = receiptTextOf(job.relay, job.finished)
    expect(readReceiptText(text)).toEqual(job.receipt)
    expect(change(text)).not.toBe(text)
    expect(readReceiptText(change(text))).toBeInstanceOf(Refusal)
  })
})

const uuid = '00000000-0000-4000-8000-000000000000'
const first = (receipt: Mutable<Receipt>) => receipt.tasks[0]!
const voteOf = (receipt: Mutable<Receipt>): Mutable<ReceiptVote> => first(receipt).votes[0]!
const otherVoter = (task: Mutable<ReceiptTask>) =>
  job.relay.workers.find((worker) => !task.votes.some((vote) => vote.peerId === worker.self))!.self

function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (value === null || typeof value !== 'object') return [[...path]]
  const inner = Object.entries(value).flatMap(([name, each]) => pathsOf(each, [...path, name]))
  return path.length === 0 ? inner : [[...path], ...inner]
}
