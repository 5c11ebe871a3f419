import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { namesOf, parseJobState } from '../../shared/client/job-state.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { sha256 } from '../relay/http/test-keys.ts'

const secret = '1f'.repeat(32)

test('TSK-13 names of tasks follow from the secret and the place, and look like any others', () => {
  const names = Array.from({ length: 1_000 }, (_, index) => namesOf(secret, index, sha256))
  expect(new Set(names.map(({ taskId }) => taskId)).size).toBe(1_000)
  expect(new Set(names.map(({ seed }) => seed)).size).toBe(1_000)
  for (const { taskId } of names) {
    expect(taskId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  }
  expect(namesOf('12'.repeat(32), 0, sha256)).not.toEqual(names[0])
})

test('TSK-13 names of tasks are what the format says, so that a kept job can be gone on with by a later version', () => {
  const place = Buffer.from('0000000000000107', 'hex')
  const hashOf = (what: string) =>
    createHash('sha256')
      .update(Buffer.concat([Buffer.from(`tabmesh/job/1 ${what} `), Buffer.from(secret, 'hex'), place]))
      .digest('hex')
  const { taskId, seed } = namesOf(secret, 0x107, sha256)
  expect(seed).toBe(hashOf('seed'))
  const digits = hashOf('task').slice(0, 32)
  const bare = taskId.replaceAll('-', '')
  // Of the 32 digits two say that it is a UUID of version 4.
  expect([...bare].filter((digit, at) => digit !== digits[at] && at !== 12 && at !== 16)).toEqual([])
})

test.each([[null], [[]], ['text'], [{}], [{ format: 'tabmesh-job/2' }]])(
  'TSK-13 %j is no state of a job',
  (value) => {
    expect(parseJobState(value)).toBeInstanceOf(Refusal)
  },
)
