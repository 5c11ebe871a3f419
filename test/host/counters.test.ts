import { expect, test } from 'vitest'
import { Counters } from '../../shared/host/counters.ts'

test('OBS-07 counts stand apart by name and label, and what was never counted is none', () => {
  const counters = new Counters()
  counters.add('messages_rejected_total', 'replay')
  counters.add('messages_rejected_total', 'replay', 2)
  counters.add('messages_rejected_total', 'stale')
  counters.add('tasks_submitted_total')
  expect(Object.fromEntries(counters.of('messages_rejected_total'))).toEqual({ replay: 3, stale: 1 })
  expect(counters.total('messages_rejected_total')).toBe(4)
  expect(Object.fromEntries(counters.of('tasks_submitted_total'))).toEqual({ '': 1 })
  expect(counters.of('constructor').size).toBe(0)
  expect(counters.total('nothing')).toBe(0)
})
