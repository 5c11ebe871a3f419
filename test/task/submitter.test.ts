import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { Admittance, FinishedTask, FromSubmitter, Submission } from '../../shared/task/messages.ts'
import {
  defaultSubmitterConfig,
  Submitter,
  type SubmitterConfig,
  type SubmitterEvent,
  type SubmitterInput,
} from '../../shared/task/submitter.ts'
import { MachineDriver, sendsOf } from '../support/machine-driver.ts'
import { hashOf, makeTask, peerId, taskId } from '../support/task-fixtures.ts'

const [relay, other, stranger] = [peerId(1), peerId(2), peerId(3)] as const

class SubmitterDriver extends MachineDriver<SubmitterInput, FromSubmitter, SubmitterEvent, never> {
  readonly submitter: Submitter

  constructor(config: Partial<SubmitterConfig> = {}) {
    const submitter = new Submitter({ ...defaultSubmitterConfig, ...config })
    super(submitter)
    this.submitter = submitter
  }

  up(peer: PeerId) {
    return this.give({ kind: 'command', command: { type: 'submitter/coordinatorUp', peer } })
  }

  lose(peer: PeerId) {
    return this.give({ kind: 'command', command: { type: 'submitter/peerLost', peer } })
  }

  submit(...numbers: readonly number[]) {
    return this.give({
      kind: 'command',
      command: { type: 'submitter/submit', items: numbers.map((n) => makeTask(n)) },
    })
  }

  cancel(n: number) {
    return this.give({ kind: 'command', command: { type: 'submitter/cancel', taskIds: [taskId(n)] } })
  }

  reply(from: PeerId, ...items: readonly Admittance[]) {
    return this.give({ kind: 'message', from, message: { type: 'task/submitReply', items } })
  }

  accept(from: PeerId, ...numbers: readonly number[]) {
    return this.reply(from, ...numbers.map((n) => ({ taskId: taskId(n), accepted: true as const })))
  }

  finish(from: PeerId, ...items: readonly FinishedTask[]) {
    return this.give({ kind: 'message', from, message: { type: 'task/finished', items } })
  }

  submitted(to: PeerId) {
    return this.sends('task/submit', to).flatMap((message) => message.items.map((item) => item.task.taskId))
  }
}

function ended(submission: Submission, status: FinishedTask['status'] = 'completed'): FinishedTask {
  return {
    task: submission.task,
    signature: submission.signature,
    status,
    outcome: status === 'completed' ? { kind: 'ok', outputHash: hashOf('right') } : null,
    output: null,
    error: null,
    votes: [],
    commitment: null,
    attempts: 3,
    durationMs: 1,
    transitions: [],
  }
}

const full = (n: number): Admittance => ({
  taskId: taskId(n),
  accepted: false,
  code: 'QueueFull',
  message: 'Task queue full, try again later',
})

describe('TSK-01 a submitter hands in its tasks', () => {
  test('at once where a coordinator is up, else as soon as one is', () => {
    const driver = new SubmitterDriver()
    driver.submit(1)
    expect(driver.history.filter((effect) => effect.kind === 'send')).toEqual([])
    driver.up(relay)
    expect(driver.submitted(relay)).toEqual([taskId(1)])
    const effects = driver.submit(2)
    expect(sendsOf(effects, 'task/submit', relay)[0]!.items.map((item) => item.task.taskId)).toEqual([
      taskId(2),
    ])
  })

  test('repeatedly until it is answered, and not after', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1)
    driver.advance(10_000)
    expect(driver.submitted(relay).length).toBeGreaterThanOrEqual(3)
    driver.accept(relay, 1)
    driver.accept(relay, 1)
    expect(driver.events('submissionAccepted')).toEqual([{ type: 'submissionAccepted', taskId: taskId(1) }])
    driver.forget()
    driver.advance(60_000)
    expect(driver.submitted(relay)).toEqual([])
  })

  test('beyond its window not at all: it says so and keeps the others', () => {
    const driver = new SubmitterDriver({ windowMax: 2 })
    driver.up(relay)
    driver.submit(1, 2, 3)
    expect(driver.events('submissionRefused')).toMatchObject([{ taskId: taskId(3), code: 'WindowFull' }])
    expect([driver.submitter.room, driver.submitter.open]).toEqual([0, 2])
    driver.finish(relay, ended(makeTask(1)))
    driver.submit(3)
    expect(driver.events('submissionRefused')).toHaveLength(1)
    expect(driver.submitter.room).toBe(0)
  })

  test('what is refused is reported with its reason and forgotten', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1)
    const message = 'Unsupported task type: cobol'
    driver.reply(relay, { taskId: taskId(1), accepted: false, code: 'UnsupportedTaskType', message })
    expect(driver.events('submissionRefused')).toEqual([
      { type: 'submissionRefused', taskId: taskId(1), code: 'UnsupportedTaskType', message },
    ])
    driver.forget()
    driver.advance(60_000)
    expect(driver.submitted(relay)).toEqual([])
    expect(driver.submitter.open).toBe(0)
  })

  test('TSK-04 a full queue is tried again later, not at once and not given up', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1)
    driver.reply(relay, full(1))
    driver.forget()
    driver.advance(5_000)
    expect(driver.submitted(relay)).toEqual([])
    driver.advance(6_000)
    expect(driver.submitted(relay)).toEqual([taskId(1)])
    expect(driver.events('submissionRefused')).toEqual([])
    driver.accept(relay, 1)
    expect(driver.events('submissionAccepted')).toHaveLength(1)
  })

  test('a thousand tasks go in batches a peer will take', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(...Array.from({ length: 1_024 }, (_, n) => n))
    const batches = driver.sends('task/submit', relay)
    expect(batches.flatMap((batch) => batch.items)).toHaveLength(1_024)
    for (const batch of batches) expect(batch.items.length).toBeLessThanOrEqual(256)
  })
})

describe('TSK-14 a submitter outlives its coordinator', () => {
  test('all that has not ended is handed in again when it is back, accepted or not', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1, 2, 3)
    driver.accept(relay, 1, 2)
    driver.finish(relay, ended(makeTask(2)))
    driver.lose(relay)
    driver.forget()
    driver.advance(60_000)
    expect(driver.submitted(relay)).toEqual([])
    driver.up(relay)
    expect(driver.submitted(relay)).toEqual([1, 3].map(taskId))
  })

  test('or to the other one that is up', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.up(other)
    driver.submit(1)
    driver.accept(relay, 1)
    expect(driver.submitted(other)).toEqual([])
    driver.lose(relay)
    expect(driver.submitted(other)).toEqual([taskId(1)])
  })

  test('the loss of a peer that is none changes nothing', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1)
    driver.accept(relay, 1)
    driver.forget()
    driver.lose(stranger)
    driver.advance(10_000)
    expect(driver.submitted(relay)).toEqual([])
  })
})

describe('TSK-11 a submitter takes the end of its tasks', () => {
  test('once, however often it arrives, and says each time that it has it', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1, 2)
    driver.accept(relay, 1, 2)
    const first = driver.finish(relay, ended(makeTask(1)), ended(makeTask(2)))
    const second = driver.finish(relay, ended(makeTask(1)))
    expect(driver.events('resultReceived').map((event) => event.finished.task.taskId)).toEqual(
      [1, 2].map(taskId),
    )
    expect(sendsOf(first, 'task/finishedReceived', relay)[0]!.taskIds).toEqual([1, 2].map(taskId))
    expect(sendsOf(second, 'task/finishedReceived', relay)[0]!.taskIds).toEqual([taskId(1)])
  })

  test('even when the acceptance was lost on the way', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1)
    driver.finish(relay, ended(makeTask(1)))
    expect(driver.events('resultReceived')).toHaveLength(1)
    driver.forget()
    driver.advance(30_000)
    expect(driver.submitted(relay)).toEqual([])
  })

  test.each(['completed', 'failed', 'timeout', 'cancelled'] as const)(
    'from its coordinator, not from a peer that knows the id: %s',
    (status) => {
      const driver = new SubmitterDriver()
      driver.up(relay)
      driver.submit(1)
      driver.accept(relay, 1)
      driver.finish(stranger, ended(makeTask(1), status))
      expect(driver.events('resultReceived')).toEqual([])
      driver.finish(relay, ended(makeTask(1)))
      expect(driver.events('resultReceived')).toHaveLength(1)
    },
  )

  test('of the task it handed in, not of another under its id', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1)
    driver.accept(relay, 1)
    driver.finish(relay, ended(makeTask(1, { index: 7 })))
    expect(driver.events('resultReceived')).toEqual([])
  })

  test('a stranger refuses or accepts nothing in the name of its coordinator', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1)
    driver.accept(stranger, 1)
    driver.reply(stranger, { taskId: taskId(1), accepted: false, code: 'Forbidden', message: 'no' })
    expect(driver.events('submissionAccepted')).toEqual([])
    expect(driver.events('submissionRefused')).toEqual([])
    driver.advance(4_000)
    expect(driver.submitted(relay).length).toBeGreaterThanOrEqual(2)
  })

  test('what it waits for is passed on', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.give({ kind: 'message', from: relay, message: { type: 'task/waiting', missingWorkers: 2 } })
    expect(driver.events('workersMissing')).toEqual([{ type: 'workersMissing', missingWorkers: 2 }])
  })
})

describe('TSK-14 a submitter of a fleet', () => {
  const elsewhere = (n: number): Admittance => ({
    taskId: taskId(n),
    accepted: false,
    code: 'HeldElsewhere',
    message: 'another relay has it',
  })

  /** Connected to two relays, of which the first that was up is asked first. */
  function ofTwo(): SubmitterDriver {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.up(other)
    driver.submit(1, 2)
    expect(driver.submitted(other)).toEqual([])
    return driver
  }

  test('goes to the other relay when the first says that it is not the one, and stays there', () => {
    const driver = ofTwo()
    driver.reply(relay, elsewhere(1), elsewhere(2))
    driver.forget()
    driver.advance(5_000)
    expect([driver.submitted(relay), driver.submitted(other)]).toEqual([[], [taskId(1), taskId(2)]])
    expect(driver.events('submissionRefused')).toEqual([])
    driver.accept(other, 1, 2)
    driver.submit(3)
    expect(driver.submitted(other)).toContain(taskId(3))
  })

  test('does not ask in a circle without a pause while neither is the one', () => {
    const driver = ofTwo()
    driver.forget()
    for (let ms = 0; ms < 30_000; ms += 100) {
      for (const peer of [relay, other])
        if (driver.submitted(peer).length > 0) driver.reply(peer, elsewhere(1))
      driver.advance(100)
    }
    const asked = driver.submitted(relay).length + driver.submitted(other).length
    expect(asked).toBeGreaterThan(4)
    expect(asked).toBeLessThan(60)
  })

  test('takes the end from whichever relay has come by the task', () => {
    const driver = ofTwo()
    driver.accept(relay, 1)
    driver.finish(other, ended(makeTask(1)))
    expect(driver.events('resultReceived').length).toBe(1)
  })

  test('tells every relay when it cancels, since any may have come by the task', () => {
    const driver = ofTwo()
    driver.accept(relay, 1)
    driver.cancel(1)
    for (const peer of [relay, other])
      expect(driver.sends('task/cancel', peer)).toEqual([{ type: 'task/cancel', taskIds: [taskId(1)] }])
  })
})

describe('TSK-12 a submitter cancels', () => {
  test('its own tasks, and no others', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1)
    driver.accept(relay, 1)
    driver.cancel(2)
    expect(driver.sends('task/cancel')).toEqual([])
    driver.cancel(1)
    expect(driver.sends('task/cancel', relay)).toEqual([{ type: 'task/cancel', taskIds: [taskId(1)] }])
    driver.finish(relay, ended(makeTask(1), 'cancelled'))
    expect(driver.events('resultReceived')).toHaveLength(1)
  })

  test('repeatedly, where the message was lost', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1)
    driver.accept(relay, 1)
    driver.cancel(1)
    driver.advance(20_000)
    expect(driver.sends('task/cancel', relay).length).toBeGreaterThanOrEqual(2)
  })

  test('also while its coordinator is away: the task does not run when that is back', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1)
    driver.accept(relay, 1)
    driver.lose(relay)
    driver.cancel(1)
    driver.up(relay)
    driver.advance(1_000)
    expect(driver.sends('task/cancel', relay)).toHaveLength(1)
  })
})

describe('TSK-11 an end is not lost between its arrival and its being kept', () => {
  /** What stands on the disk after all that was saved. */
  function diskOf(driver: SubmitterDriver): Map<string, unknown> {
    const disk = new Map<string, unknown>()
    for (const effect of driver.history) {
      if (effect.kind !== 'save') continue
      if (effect.value === undefined) disk.delete(effect.key)
      else disk.set(effect.key, effect.value)
    }
    return disk
  }
  const keep = (driver: SubmitterDriver, n: number) =>
    driver.give({ kind: 'command', command: { type: 'submitter/kept', taskIds: [taskId(n)] } })
  const arrived = (config: Partial<SubmitterConfig> = {}) => {
    const driver = new SubmitterDriver({ keepsEnds: true, ...config })
    driver.up(relay)
    driver.submit(1)
    driver.finish(relay, ended(makeTask(1)))
    return driver
  }

  test('it is on the disk after a restart, until the host has said that it has kept it', () => {
    const driver = arrived()
    expect([...diskOf(driver).keys()]).toEqual([`submitter/ended/${taskId(1)}`])
    const again = new SubmitterDriver({ keepsEnds: true })
    again.submitter.restore([...diskOf(driver)].map(([key, value]) => ({ key, value })))
    expect(again.submitter.ended().map(({ task }) => task.taskId)).toEqual([taskId(1)])
    again.up(relay)
    again.submit(1)
    expect(again.events('resultReceived')).toHaveLength(1)
    expect(again.submitted(relay)).toEqual([])
    keep(driver, 1)
    expect([...diskOf(driver).keys()]).toEqual([])
    expect(driver.submitter.ended()).toEqual([])
  })

  test('where nobody keeps them, nothing stays', () => {
    expect([...diskOf(arrived({ keepsEnds: false })).keys()]).toEqual([])
  })

  test('of more than there is room for, the oldest is forgotten, on the disk too', () => {
    const driver = arrived({ endedMax: 1 })
    driver.submit(2)
    driver.finish(relay, ended(makeTask(2)))
    expect([...diskOf(driver).keys()]).toEqual([`submitter/ended/${taskId(2)}`])
  })

  test('a task that is under way is not begun anew by submitting it again', () => {
    const driver = new SubmitterDriver()
    driver.up(relay)
    driver.submit(1)
    driver.accept(relay, 1)
    driver.forget()
    driver.submit(1)
    driver.advance(20_000)
    expect(driver.submitted(relay)).toEqual([])
    driver.finish(relay, ended(makeTask(1)))
    expect(driver.events('resultReceived')).toHaveLength(1)
  })
})
