import { beforeAll, describe, expect, test } from 'vitest'
import { describeVerdict } from '../../shared/client/receipt-verdict.ts'
import { readReceiptText, verifyReceipt } from '../../shared/client/verify-receipt.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { outcomeHash } from '../../shared/task/digest.ts'
import type { Receipt, ReceiptTask } from '../../shared/task/receipt.ts'
import type { VerificationPolicy } from '../../shared/task/task.ts'
import { checker, sha256 } from '../relay/http/test-keys.ts'
import { type RanJob, receiptTextOf, runJob } from './receipts.ts'

type Mutable<T> = T extends string ? T : T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T

const all: VerificationPolicy = { replicas: 3, quorum: 3, comparator: 'exact' }
const numeric: VerificationPolicy = { ...all, comparator: 'numeric', tolerance: 0.01 }
const json: VerificationPolicy = { ...all, comparator: 'json' }
const adaptive: VerificationPolicy = { replicas: 3, quorum: 2, comparator: 'exact', errorTarget: 0.001 }

/** Each worker is a little off, and spells what it says in its own way. */
const nearby = (_: string, item: unknown, worker: number) => ({ about: Number(item) + worker * 0.001 })
const spelled = (_: string, item: unknown, worker: number) =>
  new TextEncoder().encode(`${' '.repeat(worker)}{"a":${String(item)}}`)

let near: RanJob
let spelt: RanJob
let same: RanJob
let unanimous: RanJob

beforeAll(async () => {
  near = await runJob([5, 70_000], { program: nearby, plan: { verification: numeric } })
  spelt = await runJob([1], { program: spelled, plan: { verification: json } })
  same = await runJob([1, 2], { plan: { verification: numeric } })
  unanimous = await runJob([1, 2, 3], { plan: { verification: adaptive } })
})

const verify = (receipt: unknown) => verifyReceipt(receipt, { crypto: checker })
const copy = (of: RanJob) => structuredClone(of.receipt) as Mutable<Receipt>

async function reasonAfter(of: RanJob, change: (task: Mutable<ReceiptTask>) => void) {
  const changed = copy(of)
  change(changed.tasks[0]!)
  const { valid, reason } = await verify(changed)
  expect(valid).toBe(false)
  return reason
}

/** The receipt of an adaptive job as a coordinator gives it that believes its workers: with so many votes of each task. */
function withVotes(of: RanJob, ...counts: readonly number[]): Receipt {
  const changed = copy(of)
  for (const [at, count] of counts.entries()) {
    const task = changed.tasks[at]!
    task.votes.length = count
    if (!task.votes.some((vote) => vote.peerId === task.commitment?.peerId))
      Object.assign(task, { commitment: null })
  }
  return changed as Receipt
}

describe('TSK-11 the receipt of votes that are close', () => {
  test('TSK-11 has the outputs, is valid, and says what it rests on', async () => {
    const { votes } = near.receipt.tasks[0]!
    const outputs = votes.map(({ output }) => Buffer.from(output!, 'hex').toString())
    expect(outputs.sort()).toEqual(['{"about":5.001}', '{"about":5.002}', '{"about":5}'])
    const verdict = await verify(near.receipt)
    expect(verdict).toMatchObject({ valid: true, tasks: 2, workers: 3 })
    expect(verdict.policies).toEqual([{ ...numeric, tasks: 2, belowQuorum: 0, differing: 2 }])
    expect(describeVerdict(verdict)).toBe(
      'valid: 2 tasks, 3 workers, 1 operator, trust: none given, policy: 2 numeric (tolerance 0.01)',
    )
  })

  test('TSK-11 so has that of values which were spelled in several ways', async () => {
    const verdict = await verify(spelt.receipt)
    expect(describeVerdict(verdict)).toBe(
      'valid: 1 task, 3 workers, 1 operator, trust: none given, policy: 1 json',
    )
  })

  test('TSK-11 where all votes are for the same bytes it has the plain form', async () => {
    const text = receiptTextOf(same.relay, same.finished)
    expect(text).not.toContain('"output":')
    expect(describeVerdict(await verify(readReceiptText(text)))).toBe(
      'valid: 2 tasks, 3 workers, 1 operator, trust: none given',
    )
  })

  test('TSK-11 it may be laid out anew', async () => {
    const pretty = JSON.stringify(near.receipt, null, 2)
    expect(await verify(readReceiptText(pretty))).toMatchObject({ valid: true })
  })

  test('TSK-11 a worker that is far off is not among its votes', async () => {
    const program = (_: string, item: unknown, worker: number) =>
      worker === 1 ? 100 : Number(item) + worker * 0.001
    const { receipt, relay } = await runJob([1, 2, 3], {
      program,
      plan: { verification: { ...numeric, quorum: 2 } },
    })
    expect(await verify(receipt)).toMatchObject({ valid: true, tasks: 3, workers: 2 })
    for (const { votes } of receipt.tasks) {
      expect(votes.map((vote) => vote.peerId)).not.toContain(relay.workers[1]!.self)
    }
  })

  test('TSK-11 every byte of it is covered: whichever is changed, it is not valid', {
    timeout: 120_000,
  }, async () => {
    for (const { relay, finished } of [near, spelt]) {
      const text = receiptTextOf(relay, finished.slice(0, 1))
      expect(await verify(readReceiptText(text))).toMatchObject({ valid: true, tasks: 1 })
      expect(text).toContain('"output":"')
      const unnoticed: string[] = []
      for (let at = 0; at < text.length; at++) {
        const flipped = String.fromCharCode(text.charCodeAt(at) ^ 1)
        const changed = readReceiptText(text.slice(0, at) + flipped + text.slice(at + 1))
        if (changed instanceof Refusal) continue
        if ((await verify(changed)).valid) unnoticed.push(`${at}: ${text.slice(at - 20, at)}>${flipped}<`)
      }
      expect(unnoticed).toEqual([])
    }
  })
})

describe('TSK-11 votes that are not close enough', () => {
  const hex = (text: string) => Buffer.from(text).toString('hex')

  test.each<[string, (task: Mutable<ReceiptTask>) => void, RegExp]>([
    [
      'another output',
      (t) => Object.assign(t.votes[0]!, { output: hex('{"about":5.0001}') }),
      /is not for the output beside it/,
    ],
    [
      'an output laid out anew',
      (t) => Object.assign(t.votes[0]!, { output: `${t.votes[0]!.output}20` }),
      /is not for the output beside it/,
    ],
    ['no output', (t) => Object.assign(t.votes[0]!, { output: '' }), /is not for the output beside it/],
    [
      'half a byte more',
      (t) => Object.assign(t.votes[0]!, { output: `${t.votes[0]!.output}2` }),
      /output: not of the form/,
    ],
    [
      'capitals',
      (t) => Object.assign(t.votes[0]!, { output: t.votes[0]!.output!.toUpperCase() }),
      /output: not of the form/,
    ],
    [
      'more than a machine sees',
      (t) => Object.assign(t.votes[0]!, { output: '20'.repeat(4_097) }),
      /output: longer than/,
    ],
    [
      'one output less',
      (t) => delete t.votes.find((vote) => vote.outcomeHash === outcomeHash(t.outcome, sha256))!.output,
      /lacks the output/,
    ],
    [
      'one output less, of another',
      (t) => delete t.votes.find((vote) => vote.outcomeHash !== outcomeHash(t.outcome, sha256))!.output,
      /is for another outcome/,
    ],
    [
      'an outcome for which nobody voted',
      (t) => Object.assign(t.outcome, { outputHash: 'cd'.repeat(32) }),
      /nobody voted for its outcome/,
    ],
    [
      'an error for the outcome',
      (t) => Object.assign(t, { outcome: { kind: 'error', error: 'fuel' } }),
      /nobody voted for its outcome/,
    ],
    [
      'less tolerance',
      (t) => Object.assign(t.task.verification, { tolerance: 1e-9 }),
      /signature of its submitter/,
    ],
    ['one vote less', (t) => t.votes.pop(), /2 votes where its policy asks for 3/],
  ])('TSK-11 with %s it is not valid', async (_, change, expected) => {
    expect(await reasonAfter(near, change)).toMatch(expected)
  })

  test('TSK-11 with the outcome of another vote it says something else, and still what all of them agree on', async () => {
    const changed = copy(near)
    const [task] = changed.tasks
    const other = task!.votes.find((vote) => vote.outcomeHash !== outcomeHash(task!.outcome, sha256))!
    Object.assign(task!.outcome, { outputHash: toHex(sha256(Buffer.from(other.output!, 'hex'))) as Hash })
    expect(await verify(changed)).toMatchObject({ valid: true })
  })

  test('TSK-11 outputs beside votes for the same bytes are refused', async () => {
    const reason = await reasonAfter(same, (task) => {
      for (const vote of task.votes) Object.assign(vote, { output: hex('1') })
    })
    expect(reason).toMatch(/carries an output/)
  })

  test.each([
    ['an exact policy', { comparator: 'exact', tolerance: undefined }, /is for another outcome/],
    ['JSON values', { comparator: 'json', tolerance: undefined }, /do not agree under the comparator json/],
    ['a tolerance of which they are out', { tolerance: 1e-6 }, /do not agree under the comparator numeric/],
  ] as const)('TSK-11 the same votes under %s are no quorum', async (_, over, expected) => {
    const { verification: before } = near.receipt.tasks[0]!.task
    const verification = JSON.parse(JSON.stringify({ ...before, ...over })) as VerificationPolicy
    // Whatever is signed for is taken here: the votes themselves are what must not pass.
    const crypto = { ...checker, verify: async () => true }
    const changed = copy(near)
    Object.assign(changed.tasks[0]!.task, { verification })
    const { valid, reason } = await verifyReceipt(changed, { crypto })
    expect(valid).toBe(false)
    expect(reason).toMatch(expected)
  })

  test('TSK-11 three of which one lies between the others do not agree pairwise', async () => {
    const off = (_: string, item: unknown, worker: number) => Number(item) + worker * 0.008
    const two = { ...numeric, quorum: 2 }
    const { receipt } = await runJob([0, 0, 0], { program: off, plan: { verification: two } })
    for (const { votes } of receipt.tasks) expect(votes.length).toBe(2)
    expect(await verify(receipt)).toMatchObject({ valid: true })
  })
})

describe('TSK-11 the receipt of an adaptive policy', () => {
  test('TSK-11 stands with fewer votes than the quorum, and says of how many tasks', async () => {
    const verdict = await verify(withVotes(unanimous, 1, 2))
    expect(verdict).toMatchObject({ valid: true, tasks: 3 })
    expect(verdict.policies).toEqual([{ ...adaptive, tasks: 3, belowQuorum: 1, differing: 0 }])
    expect(describeVerdict(verdict)).toMatch(/trust: none given, policy: 1 adaptive \(error target 0\.001\)$/)
  })

  test('TSK-11 says nothing of it where a quorum stands behind all of them', async () => {
    expect(describeVerdict(await verify(unanimous.receipt))).toMatch(/, trust: none given$/)
  })

  test('TSK-11 does not stand without any vote', async () => {
    expect((await verify(withVotes(unanimous, 0))).reason).toMatch(/0 votes where its policy asks for 2/)
  })

  test('TSK-11 with fewer votes than the quorum no other policy stands', async () => {
    expect((await verify(withVotes(same, 1))).reason).toMatch(/1 vote where its policy asks for 3/)
    const reason = await reasonAfter(unanimous, (task) => {
      task.votes.length = 1
      delete task.task.verification.errorTarget
    })
    expect(reason).toMatch(/signature of its submitter/)
  })

  test('TSK-11 a policy that is none is refused even where its submitter signed it', async () => {
    const crypto = { ...checker, verify: async () => true }
    for (const [over, expected] of [
      [{ errorTarget: 0.5 }, /errorTarget/],
      [{ errorTarget: 0 }, /error target 0/],
      [{ tolerance: 0.1 }, /tolerance goes with/],
      [{ comparator: 'numeric', tolerance: 1 }, /tolerance 1/],
      [{ comparator: 'fuzzy' }, /comparator/],
    ] as const) {
      const changed = copy(unanimous)
      Object.assign(changed.tasks[0]!.task.verification, over)
      expect((await verifyReceipt(changed, { crypto })).reason).toMatch(expected)
    }
  })

  test('TSK-11 counts each policy apart', async () => {
    const mixed = copy(unanimous)
    const more = await runJob([9], {
      program: nearby,
      plan: { verification: numeric },
      networkId: mixed.networkId as Hash,
    })
    mixed.tasks.push(...(structuredClone(more.receipt.tasks) as typeof mixed.tasks))
    mixed.tasks[0]!.votes.length = 1
    Object.assign(mixed.tasks[0]!, { commitment: null })
    const verdict = await verify(mixed)
    expect(
      verdict.policies.map(({ tasks, belowQuorum, differing }) => [tasks, belowQuorum, differing]),
    ).toEqual([
      [3, 1, 0],
      [1, 0, 1],
    ])
    expect(describeVerdict(verdict)).toMatch(
      /policy: 1 adaptive \(error target 0\.001\), 1 numeric \(tolerance 0\.01\)$/,
    )
  })
})
