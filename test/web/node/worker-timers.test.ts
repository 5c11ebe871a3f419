import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { TimerOrder, TimerWord } from '../../../shared/host/timers.ts'
import { type TimerWorker, WorkerTimers } from '../../../web/node/worker-timers.ts'
import { ManualTimers } from '../../support/manual-timers.ts'

/** A worker of which the test is the inside. */
class ScriptedWorker implements TimerWorker {
  onmessage: TimerWorker['onmessage'] = null
  onerror: TimerWorker['onerror'] = null
  readonly orders: TimerOrder[] = []
  isTerminated = false

  postMessage(order: TimerOrder): void {
    this.orders.push(order)
  }

  terminate(): void {
    this.isTerminated = true
  }

  say(word: TimerWord): void {
    this.onmessage?.({ data: word } as MessageEvent<TimerWord>)
  }
}

let page: ManualTimers
let worker: ScriptedWorker
let timers: WorkerTimers
let fired: string[]
const note = (name: string) => () => void fired.push(name)

beforeEach(() => {
  page = new ManualTimers()
  worker = new ScriptedWorker()
  timers = new WorkerTimers(() => worker, page)
  fired = []
})

describe('TSK-06 timers of a tab', () => {
  test('are the worker’s once it is there: none is the page’s', () => {
    worker.say('ready')
    timers.set(note('a'), 5_000)
    expect(page.pending).toBe(0)
    expect(worker.orders).toMatchObject([{ ms: 5_000 }])
    worker.say(worker.orders[0]!.id)
    expect(fired).toEqual(['a'])
  })

  test('are the page’s until then, and move over with what is left of their time', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000)
    timers.set(note('soon'), 10)
    timers.set(note('later'), 5_000)
    await page.pass(10)
    expect(fired).toEqual(['soon'])
    clock.mockReturnValue(2_500)
    worker.say('ready')
    clock.mockRestore()
    expect(page.pending).toBe(0)
    expect(worker.orders).toMatchObject([{ ms: 3_500 }])
  })

  test('are the page’s when no worker can be had', async () => {
    timers.set(note('a'), 100)
    worker.onerror?.(new Event('error') as ErrorEvent)
    timers.set(note('b'), 200)
    await page.pass(200)
    expect(fired).toEqual(['a', 'b'])
    expect(worker.orders).toEqual([])
  })

  test('come back to the page when the worker breaks, and fire once', async () => {
    worker.say('ready')
    timers.set(note('a'), 100)
    worker.onerror?.(new Event('error') as ErrorEvent)
    await page.pass(100)
    worker.say(worker.orders[0]!.id)
    expect(fired).toEqual(['a'])
  })

  test('do not fire once they are cleared, even if the worker’s word is under way', () => {
    worker.say('ready')
    const handle = timers.set(note('a'), 100)
    timers.clear(handle)
    timers.clear(handle)
    timers.clear(undefined)
    const [, order] = worker.orders
    expect(worker.orders).toHaveLength(2)
    expect(order).toEqual({ id: worker.orders[0]!.id })
    worker.say(worker.orders[0]!.id)
    expect(fired).toEqual([])
  })

  test('end with the node', async () => {
    timers.set(note('a'), 100)
    timers.stop()
    await page.pass(1_000)
    expect(fired).toEqual([])
    expect(worker.isTerminated).toBe(true)
  })
})
