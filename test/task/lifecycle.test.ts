import { describe, expect, test } from 'vitest'
import type { Instant } from '../../shared/kernel/ids.ts'
import { InvariantError } from '../../shared/kernel/invariant.ts'
import { isFinal, mayFollow } from '../../shared/task/lifecycle.ts'
import { type TaskStatus, taskStatuses } from '../../shared/task/task.ts'
import { TaskRecord } from '../../shared/task/task-record.ts'
import { hashOf, makeTask, peerId, startMs } from '../support/task-fixtures.ts'

const now = startMs as Instant
const record = () => new TaskRecord(makeTask(5), hashOf('digest'), 'peer', now, 0)

describe('TSK-05 states', () => {
  test('the good way is pending, assigned, running, pending_verification, completed', () => {
    const way: readonly TaskStatus[] = ['pending', 'assigned', 'running', 'pending_verification', 'completed']
    for (let i = 1; i < way.length; i++) expect(mayFollow(way[i - 1]!, way[i]!)).toBe(true)
  })

  test('completed, failed, timeout and cancelled are ends', () => {
    expect(taskStatuses.filter((status) => isFinal(status))).toEqual([
      'completed',
      'failed',
      'timeout',
      'cancelled',
    ])
    for (const end of taskStatuses.filter((status) => isFinal(status)))
      for (const next of taskStatuses) expect(mayFollow(end, next)).toBe(false)
  })

  test('nothing completes but what was verified', () => {
    expect(taskStatuses.filter((status) => mayFollow(status, 'completed'))).toEqual(['pending_verification'])
  })

  test('whatever has not ended can be cancelled and can fail', () => {
    for (const status of taskStatuses.filter((one) => !isFinal(one))) {
      expect(mayFollow(status, 'cancelled')).toBe(true)
      expect(mayFollow(status, 'failed')).toBe(true)
    }
  })

  test('a failed verification goes back to pending, and nothing is verified before it ran', () => {
    expect(mayFollow('verification_failed', 'pending')).toBe(true)
    for (const status of ['pending', 'assigned'] as const)
      expect(mayFollow(status, 'pending_verification')).toBe(false)
  })

  test('an illegal step is a broken invariant that names both states, and changes nothing', () => {
    const task = record()
    expect(() => task.enter('completed', now)).toThrow(InvariantError)
    expect(() => task.enter('completed', now)).toThrow('task may not go from pending to completed')
    expect(task.status).toBe('pending')
    expect(task.transitions).toEqual([['pending', now]])
  })

  test('to enter the state one is in is no step', () => {
    const task = record()
    task.enter('pending', (now + 5) as Instant)
    expect(task.transitions).toEqual([['pending', now]])
  })

  test('a worker that holds or answered a task is not given it again', () => {
    const task = record()
    const attempt = task.addAttempt(peerId(2), now)
    expect(() => task.addAttempt(peerId(2), now)).toThrow(InvariantError)
    attempt.state = 'answered'
    task.round = 2
    expect(task.excludes(peerId(2))).toBe(true)
    expect(task.excludes(peerId(3))).toBe(false)
  })
})
