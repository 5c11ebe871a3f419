import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Commit } from '../support/scripted-run.ts'
import { ask, event, peerA, peerB, ScriptedRun, send, sendVolatile } from '../support/scripted-run.ts'

type Kind = 'save' | 'delete' | 'A' | 'B' | '!A' | 'event' | 'ask'
interface Step {
  /** Milliseconds before the tick. */
  readonly waitMs: number
  readonly effects: readonly Kind[]
}

const kinds = fc.constantFrom<Kind>('save', 'delete', 'A', 'B', '!A', 'event', 'ask')
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    waitMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 12 })),
    effects: fc.array(kinds, { maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 80 },
)
/** How long each commit takes in ms; the last serves for those that follow. */
const commitMs = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 8 })

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** A run of numbered effects, with what was promised, and what of it broke the rule. */
class Watched extends ScriptedRun {
  /** What is to leave, in order; volatile sends apart. */
  readonly promised: string[] = []
  readonly wrong: string[] = []
  readonly #savesBefore = new Map<string, number>()
  readonly #volatile: string[] = []
  #number = 0
  #saves = 0

  constructor() {
    super()
    this.onLeft = (name) => {
      for (let save = 0; save < (this.#savesBefore.get(name) ?? 0); save++) {
        if (!this.store.durable.has(`${save}`)) this.wrong.push(`${name} before save ${save}`)
      }
    }
  }

  give({ effects }: Step): void {
    this.tick((out) => {
      for (const name of this.#volatile) if (!this.left.includes(name)) this.wrong.push(`${name} waited`)
      const said: string[] = []
      for (const kind of effects) {
        const number = this.#number++
        if (kind === 'save') out.save(`${this.#saves++}`, number)
        else if (kind === 'delete') out.save(`${this.#saves++}`, undefined)
        else if (kind === '!A') {
          sendVolatile(out, peerA, number)
          this.#volatile.push(`!A:${number}`)
        } else said.push(say(out, kind, number))
      }
      for (const name of said) this.#savesBefore.set(name, this.#saves)
      this.promised.push(...said)
    })
  }

  get leftInTurn(): string[] {
    return this.left.filter((name) => !name.startsWith('!'))
  }

  get volatileGiven(): number {
    return this.#volatile.length
  }
}

function say(
  out: Parameters<typeof send>[0],
  kind: Exclude<Kind, 'save' | 'delete' | '!A'>,
  number: number,
): string {
  switch (kind) {
    case 'A':
      send(out, peerA, number)
      return `A:${number}`
    case 'B':
      send(out, peerB, number)
      return `B:${number}`
    case 'event':
      event(out, number)
      return `event ${number}`
    case 'ask':
      ask(out, number)
      return `ask ${number}`
  }
}

async function carryOut(plan: readonly Step[], onCommit: (commit: Commit, number: number) => void) {
  const rig = new Watched()
  rig.store.onCommit = (commit) => onCommit(commit, rig.store.commits.length)
  for (const step of plan) {
    if (step.waitMs > 0) await vi.advanceTimersByTimeAsync(step.waitMs)
    rig.give(step)
  }
  return rig
}

async function stopped(rig: Watched): Promise<void> {
  const done = rig.run.stop()
  await vi.advanceTimersByTimeAsync(1_000)
  await done
}

describe('TSK-14 whatever the commits take', () => {
  test('nothing leaves early, out of order, twice or never', async () => {
    await fc.assert(
      fc.asyncProperty(steps, commitMs, async (plan, ms) => {
        const rig = await carryOut(plan, ({ succeed }, number) => {
          setTimeout(succeed, ms[Math.min(number, ms.length) - 1])
        })
        await stopped(rig)
        expect(rig.wrong).toEqual([])
        expect(rig.leftInTurn).toEqual(rig.promised)
        expect(rig.left.length - rig.leftInTurn.length).toBe(rig.volatileGiven)
        expect(rig.failures).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  test('after a commit that fails nothing leaves, and what left before was durable', async () => {
    await fc.assert(
      fc.asyncProperty(steps, commitMs, fc.integer({ min: 1, max: 6 }), async (plan, ms, failing) => {
        const rig = await carryOut(plan, ({ succeed, fail }, number) => {
          const end = (): void => (number === failing ? fail(new Error('disk full')) : succeed())
          setTimeout(end, ms[Math.min(number, ms.length) - 1])
        })
        await vi.advanceTimersByTimeAsync(1_000)
        const hasFailed = rig.store.commits.length === failing
        expect(rig.failures.length).toBe(hasFailed ? 1 : 0)
        const left = rig.left.length
        rig.give({ waitMs: 0, effects: ['A', '!A', 'save'] })
        await vi.advanceTimersByTimeAsync(1_000)
        if (hasFailed) expect(rig.left.length).toBe(left)
        await stopped(rig)
        expect(rig.wrong).toEqual([])
        expect(rig.leftInTurn).toEqual(rig.promised.slice(0, rig.leftInTurn.length))
      }),
      { numRuns: 100 },
    )
  })

  test('commits never overlap, and each but the first carries all that came while the last was under way', async () => {
    await fc.assert(
      fc.asyncProperty(steps, commitMs, async (plan, ms) => {
        let underWay = 0
        const saves: string[] = []
        const rig = await carryOut(plan, ({ changes, succeed }, number) => {
          underWay++
          expect(underWay).toBe(1)
          saves.push(...changes.map(({ key }) => key))
          const end = (): void => {
            underWay--
            succeed()
          }
          setTimeout(end, ms[Math.min(number, ms.length) - 1])
        })
        await stopped(rig)
        expect(saves).toEqual([...saves.keys()].map(String))
        const gatherings = Math.ceil(saves.length / 64) + plan.filter(({ waitMs }) => waitMs > 0).length + 1
        expect(rig.store.commits.length).toBeLessThanOrEqual(gatherings)
      }),
      { numRuns: 100 },
    )
  })
})
