import { expect, test } from 'vitest'
import { OpenPolicy } from '../../shared/access/open-policy.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { peerId } from '../support/task-fixtures.ts'

const [admin, anyone] = [peerId(1), peerId(2)] as const
const policy = new OpenPolicy([admin])

test('RBC-02 under the open policy everyone may work and submit', () => {
  for (const peer of [admin, anyone]) {
    expect(policy.mayExecute(peer)).toBeUndefined()
    expect(policy.maySubmit(peer, 'normal')).toBeUndefined()
    expect(policy.maySubmit(peer, 'low')).toBeUndefined()
  }
})

test('TSK-01 critical tasks are for admins, and the refusal names what is missing', () => {
  expect(policy.maySubmit(admin, 'critical')).toBeUndefined()
  const refusal = policy.maySubmit(anyone, 'critical')
  expect(refusal).toBeInstanceOf(Refusal)
  expect(refusal).toMatchObject({ code: 'Forbidden' })
  expect(refusal!.message).toMatch(/^Forbidden: missing \S+ permission$/)
})

test('TSK-01 without admins nobody submits critical tasks', () => {
  expect(new OpenPolicy([]).maySubmit(admin, 'critical')).toBeInstanceOf(Refusal)
})
