import { describe, expect, test } from 'vitest'
import type { Instant, PeerId } from '../../shared/kernel/ids.ts'
import type { FinishedTask, FromSubmitter } from '../../shared/task/messages.ts'
import {
  defaultSubmitterConfig,
  Submitter,
  type SubmitterEvent,
  type SubmitterInput,
} from '../../shared/task/submitter.ts'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { MachineDriver } from '../support/machine-driver.ts'
import { assignmentOf, makeTask, peerId, taskId } from '../support/task-fixtures.ts'
import { relay, WorkerDriver } from '../support/worker-driver.ts'

const self = peerId(1)
const guest = peerId(50)
const [task] = [taskId(5)]

class SubmitterDriver extends MachineDriver<SubmitterInput, FromSubmitter, SubmitterEvent, never> {
  submitter = new Submitter(defaultSubmitterConfig)

  constructor() {
    super(undefined as never)
    this.machine = this.submitter
  }

  command(command: Extract<SubmitterInput, { kind: 'command' }>['command']): void {
    this.give({ kind: 'command', command })
  }

  /** Its rows as they are on the disk, and another process on it. */
  restart(): void {
    const rows = new Map<string, unknown>()
    for (const effect of this.history)
      if (effect.kind === 'save') {
        if (effect.value === undefined) rows.delete(effect.key)
        else rows.set(effect.key, effect.value)
      }
    this.submitter = new Submitter(defaultSubmitterConfig)
    this.machine = this.submitter
    this.timers.clear()
    this.submitter.restore([...rows].map(([key, value]) => ({ key, value })))
    this.submitter.restored(this.now)
  }

  get submitted() {
    return this.sends('task/submit').flatMap(({ items }) => items)
  }
}

const ended = (n: number): FinishedTask => {
  const driver = new CoordinatorDriver()
  for (const worker of [11, 12, 13].map(peerId)) driver.offer(worker)
  driver.submit(makeTask(n))
  for (const worker of driver.holders(taskId(n))) driver.answer(worker, taskId(n), 'right')
  return driver.finished[0]!
}

const home = (driver: SubmitterDriver) =>
  driver.events('tasksTakenHome').flatMap(({ items }) => items.map(({ task: t, epoch }) => [t.taskId, epoch]))

describe('TSK-14 a submitter without a coordinator', () => {
  function alone(): SubmitterDriver {
    const driver = new SubmitterDriver()
    driver.command({ type: 'submitter/submit', items: [makeTask(5)] })
    return driver
  }

  test('takes its tasks home after 30 s, with the next epoch', () => {
    const driver = alone()
    driver.advance(29_000)
    expect(home(driver)).toEqual([])
    driver.advance(2_000)
    expect(home(driver)).toEqual([[task, 2]])
  })

  test('the 30 s begin when the last coordinator goes', () => {
    const driver = new SubmitterDriver()
    driver.command({ type: 'submitter/coordinatorUp', peer: relay })
    driver.command({ type: 'submitter/submit', items: [makeTask(5)] })
    driver.advance(100_000)
    driver.command({ type: 'submitter/peerLost', peer: relay })
    driver.advance(29_000)
    expect(home(driver)).toEqual([])
    driver.advance(2_000)
    expect(home(driver)).toEqual([[task, 2]])
  })

  test('what it submits later follows at once', () => {
    const driver = alone()
    driver.advance(31_000)
    driver.command({ type: 'submitter/submit', items: [makeTask(6)] })
    expect(home(driver)).toEqual([
      [task, 2],
      [taskId(6), 2],
    ])
  })

  test('a coordinator that comes gets them, with a higher epoch still', () => {
    const driver = alone()
    driver.advance(31_000)
    driver.command({ type: 'submitter/coordinatorUp', peer: relay })
    expect(driver.events('tasksHandedOver')).toMatchObject([{ taskIds: [task] }])
    expect(driver.submitted.map(({ epoch }) => epoch)).toEqual([3])
  })

  test('an end at home is its end, and whoever comes back is told until it answers', () => {
    const driver = alone()
    driver.advance(31_000)
    driver.command({ type: 'submitter/ended', finished: ended(5) })
    driver.command({ type: 'submitter/ended', finished: ended(5) })
    expect(driver.events('resultReceived')).toHaveLength(1)
    driver.restart()
    driver.forget()
    driver.command({ type: 'submitter/coordinatorUp', peer: relay })
    driver.advance(10_000)
    const withdrawn = driver.sends('task/withdraw', relay)
    expect(withdrawn.length).toBeGreaterThan(2)
    expect(withdrawn[0]?.items).toEqual([{ taskId: task, epoch: 2 }])
    driver.give({ kind: 'message', from: relay, message: { type: 'task/withdrawn', taskIds: [task] } })
    driver.forget()
    driver.advance(60_000)
    expect(driver.sends('task/withdraw')).toEqual([])
  })

  test('what another says of an end at home counts only for what is at home', () => {
    const driver = alone()
    driver.command({ type: 'submitter/ended', finished: ended(5) })
    expect(driver.events('resultReceived')).toEqual([])
  })

  test('cancelled at home: whoever coordinates it is told', () => {
    const driver = alone()
    driver.advance(31_000)
    driver.command({ type: 'submitter/cancel', taskIds: [task] })
    expect(driver.events('homeTasksCancelled')).toMatchObject([{ submitter: self, taskIds: [task] }])
  })

  test('what was submitted while nobody was there is on the disk, and handed in after a restart', () => {
    const driver = alone()
    driver.restart()
    driver.forget()
    driver.command({ type: 'submitter/coordinatorUp', peer: relay })
    expect(driver.submitted.map((item) => item.task.taskId)).toEqual([task])
  })

  test('what has ended is not on the disk any more', () => {
    const driver = new SubmitterDriver()
    driver.command({ type: 'submitter/coordinatorUp', peer: relay })
    driver.command({ type: 'submitter/submit', items: [makeTask(5)] })
    driver.give({ kind: 'message', from: relay, message: { type: 'task/finished', items: [ended(5)] } })
    driver.restart()
    expect(driver.submitter.open).toBe(0)
  })
})

describe('TSK-14 the coordinator of a node’s own tasks', () => {
  const workers = [11, 12, 13].map(peerId)
  function atHome(epoch = 2): CoordinatorDriver {
    const driver = new CoordinatorDriver({ isHome: true })
    for (const worker of workers) driver.up.add(worker)
    driver.give({
      kind: 'command',
      command: { type: 'coordinator/takeHome', items: [{ ...makeTask(5), epoch }] },
    })
    return driver
  }

  test('asks its neighbours for room, and hands out with the new epoch', () => {
    const driver = atHome()
    expect(workers.map((worker) => driver.sends('task/seek', worker).length)).toEqual([1, 1, 1])
    for (const worker of workers) driver.offer(worker)
    for (const worker of workers) {
      expect(driver.holding(worker, task)?.epoch).toBe(2)
      driver.answer(worker, task, 'right')
    }
    expect(driver.finished).toMatchObject([{ status: 'completed' }])
    expect(driver.finished[0]!.votes.map((vote) => vote.epoch)).toEqual([2, 2])
    expect(driver.sends('task/finished')).toEqual([])
  })

  test('what is released leaves no end, no row, and no work with anybody', () => {
    const driver = atHome()
    for (const worker of workers) driver.offer(worker)
    driver.give({ kind: 'command', command: { type: 'coordinator/release', taskIds: [task] } })
    for (const worker of workers) expect(driver.heldBy(worker)).toEqual([])
    expect(driver.finished).toEqual([])
    expect([...driver.disk.keys()]).toEqual([])
    expect(driver.coordinator.report(task)).toBeUndefined()
  })

  test('takes no strangers on when it has nothing', () => {
    const driver = new CoordinatorDriver({ isHome: true })
    driver.offer(peerId(77), 100)
    expect(driver.coordinator.counts().workers.count).toBe(0)
  })
})

describe('TSK-14 a relay that returns', () => {
  const workers = [11, 12, 13].map(peerId)
  function returned(): CoordinatorDriver {
    const driver = new CoordinatorDriver()
    for (const worker of workers) driver.offer(worker)
    driver.submit(makeTask(5))
    driver.restart()
    return driver
  }
  const withdraw = (driver: CoordinatorDriver, from: PeerId, epoch: number): void => {
    const message = { type: 'task/withdraw', items: [{ taskId: task, epoch }] } as const
    driver.give({ kind: 'message', from, message })
  }

  test('drops a task that was taken over and has ended, and says so', () => {
    const driver = returned()
    withdraw(driver, self, 2)
    expect(driver.coordinator.report(task)).toBeUndefined()
    expect(driver.sends('task/withdrawn', self)).toMatchObject([{ taskIds: [task] }])
    expect([...driver.disk.keys()].filter((key) => key.includes(task))).toEqual([])
    for (const worker of workers) driver.offer(worker)
    for (const worker of workers) expect(driver.heldBy(worker)).toEqual([])
  })

  test('not one whose epoch is as high, and not on a stranger’s word', () => {
    const driver = returned()
    withdraw(driver, self, 1)
    withdraw(driver, peerId(99), 7)
    expect(driver.coordinator.report(task)).toBeDefined()
    expect(driver.sends('task/withdrawn', peerId(99))).toEqual([])
  })

  test('goes on with one that is handed over again: votes of the older epoch count', () => {
    const driver = returned()
    driver.submit({ ...makeTask(5), epoch: 3 })
    driver.answer(workers[0]!, task, 'right')
    driver.answer(workers[1]!, task, 'right')
    expect(driver.finished).toMatchObject([{ status: 'completed' }])
    expect(driver.finished[0]!.votes.map((vote) => vote.epoch)).toEqual([1, 1])
  })

  test('the epoch it was handed over with outlives a restart before anybody has it', () => {
    const driver = new CoordinatorDriver()
    driver.submit({ ...makeTask(5), epoch: 3 })
    driver.restart()
    withdraw(driver, self, 2)
    expect(driver.coordinator.report(task)).toBeDefined()
  })

  test('and a later withdrawal of an epoch in between changes nothing', () => {
    const driver = returned()
    driver.submit({ ...makeTask(5), epoch: 3 })
    withdraw(driver, self, 2)
    expect(driver.coordinator.report(task)).toBeDefined()
  })
})

describe('TSK-14 a worker without a relay', () => {
  const own = (n: number) => assignmentOf(makeTask(n, { submitter: guest }), 1)
  function invited(): WorkerDriver {
    const driver = new WorkerDriver(1)
    driver.lose(relay)
    driver.give({ kind: 'message', from: guest, message: { type: 'task/seek' } })
    return driver
  }

  test('works for a neighbour that coordinates its own tasks', () => {
    const driver = invited()
    expect(driver.lastOffer(guest)?.capacity).toBeGreaterThan(0)
    driver.assign(guest, own(5))
    driver.finish(driver.runs()[0]!.runId)
    driver.advance(1_000)
    expect(driver.answered(guest)).toHaveLength(1)
  })

  test('does not run for it what another submitted', () => {
    const driver = invited()
    driver.assign(guest, assignmentOf(makeTask(5, { submitter: peerId(51) }), 1))
    expect(driver.runs()).toEqual([])
    expect(driver.sends('task/handBack', guest)).toHaveLength(1)
  })

  test('with a relay it does not answer such an invitation', () => {
    const driver = new WorkerDriver(1)
    driver.give({ kind: 'message', from: guest, message: { type: 'task/seek' } })
    driver.assign(guest, own(5))
    expect(driver.sends('task/offer', guest)).toEqual([])
    expect(driver.runs()).toEqual([])
  })

  test('when a relay is back it finishes what the neighbour has here, and takes nothing more of it', () => {
    const driver = invited()
    driver.assign(guest, own(5))
    driver.up(relay)
    expect(driver.lastOffer(guest)?.capacity).toBe(0)
    driver.assign(guest, own(6))
    driver.finish(driver.runs()[0]!.runId)
    driver.advance(1_000)
    expect(driver.answered(guest).map(({ taskId: id }) => id)).toEqual([task])
    expect(driver.runs()).toEqual([])
  })

  test('serves so many at one time, and one more when one of them has nothing here', () => {
    const driver = invited()
    for (let n = 60; n < 90; n++)
      driver.give({ kind: 'message', from: peerId(n), message: { type: 'task/seek' } })
    const served = new Set(driver.history.flatMap((effect) => (effect.kind === 'send' ? [effect.to] : [])))
    expect(served.has(peerId(89))).toBe(true)
    driver.advance(21_000)
    driver.forget()
    driver.advance(20_000 as Instant)
    expect(new Set(driver.history.flatMap((e) => (e.kind === 'send' ? [e.to] : []))).size).toBe(16)
  })
})
