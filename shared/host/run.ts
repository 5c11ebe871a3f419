import { encodeCanonical } from '../kernel/codec.ts'
import type { Instant } from '../kernel/ids.ts'
import { Outbox } from '../kernel/machine.ts'
import type { PeerAsk, PeerEffect, PeerEvent, PeerInput } from '../peer/inputs.ts'
import type { Peer } from '../peer/peer.ts'
import type { WireMessage } from '../peer/wire.ts'
import type { Store, StoreChange } from '../storage/store.ts'
import { platformTimers, type TimerHandle, type Timers } from './timers.ts'

export interface RunParts {
  readonly peer: Peer
  readonly store: Store
  /** Unix milliseconds; may jump, the loop keeps it from going back. */
  readonly clock: () => number
  /** Those of the platform unless told; the loop has no others. */
  readonly timers?: Timers | undefined
  /** Carries out one effect other than a save or a timer, in order. */
  readonly perform: (effect: Exclude<PeerEffect, { kind: 'save' | 'timer' }>) => void
  /** A save failed, or an invariant of ours broke: nothing more will leave this node. Called once. */
  readonly failed: (error: unknown) => void
}

/** One commit gathers this many ticks, or this many milliseconds. */
const ticksPerCommit = 64
const gatherMs = 2
/** Inputs and ticks between their arrival and their commit; beyond it peers are not read. */
const ticksUnderWayMax = 1_024
/** A forward jump of the clock beyond this is sleep or a frozen page, in ms. */
const gapMs = 10_000
const pulseMs = 2_000
/** The longest wait that timers take, in ms. */
const timeoutMax = 2 ** 31 - 1

interface Question {
  tell(): void
  refuse(error: unknown): void
}

interface Held {
  readonly effects: Exclude<PeerEffect, { kind: 'save' | 'timer' }>[]
  readonly questions: Question[]
}

/**
 * Drives a peer machine.
 *
 * Invariants: (1) inputs are handled one at a time, in the order they were posted; (2) effects leave in tick order,
 * after every save of their own and of all earlier ticks is durable, volatile sends at once; (3) the machine's clock
 * never goes back; (4) after a failed save nothing leaves, answers to questions included.
 */
export class Run {
  readonly #parts: RunParts
  readonly #alarms: Timers
  readonly #outbox = new Outbox<WireMessage, PeerEvent, PeerAsk>()
  #inputs: PeerInput[] = []
  readonly #timers = new Map<string, TimerHandle>()
  #changes: StoreChange[] = []
  #held: Held = { effects: [], questions: [] }
  #ticksHeld = 0
  #ticksCommitting = 0
  readonly #roomWanted: (() => void)[] = []
  #gathering: TimerHandle
  #committing: Promise<void> | undefined
  #time: number
  #clock: number
  #pulsedAt = 0
  #pulse: TimerHandle
  #draining = false
  #stopped = false
  #failure: { readonly error: unknown } | undefined

  constructor(parts: RunParts) {
    this.#parts = parts
    this.#alarms = parts.timers ?? platformTimers
    this.#clock = parts.clock()
    this.#time = this.#clock
  }

  /**
   * The machine's time. Where the clock was set back it goes on at half speed until the clock is there again: it neither
   * stands, for leases have to end, nor stays ahead for good.
   */
  get now(): Instant {
    this.#advance()
    return Math.floor(this.#time) as Instant
  }

  post(input: PeerInput): void {
    if (this.#stopped) return
    this.#startPulse()
    this.#inputs.push(input)
    if (this.#draining) return
    this.#draining = true
    queueMicrotask(() => this.#drain())
  }

  /** What the machine says now, told when all it rests on is durable; rejects when that cannot be any more. */
  async ask<T>(question: (peer: Peer) => T): Promise<T> {
    // What was posted before the question is handled before it.
    await undefined
    if (this.#failure !== undefined) throw this.#failure.error
    const answer = question(this.#parts.peer)
    if (!this.#waits()) return answer
    await new Promise<void>((tell, refuse) => this.#held.questions.push({ tell, refuse }))
    return answer
  }

  /** Resolves when few enough ticks await their commit: until then nothing more is to be read from peers. */
  async room(): Promise<void> {
    while (this.#inputs.length + this.#ticksUnderWay >= ticksUnderWayMax && !this.#stopped) {
      await new Promise<void>((resolve) => this.#roomWanted.push(resolve))
    }
  }

  /** Handles what was posted, then stops the loop after the ticks so far are durable. */
  async stop(): Promise<void> {
    await undefined
    this.#stopped = true
    this.#wakeReaders()
    this.#alarms.clear(this.#pulse)
    for (const timer of this.#timers.values()) this.#alarms.clear(timer)
    this.#timers.clear()
    while (this.#waits()) {
      this.#commit()
      await this.#committing
    }
  }

  #drain(): void {
    try {
      this.#noticeGap()
      while (this.#inputs.length > 0) {
        const inputs = this.#inputs
        this.#inputs = []
        for (const input of inputs) this.#tick(input)
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#draining = false
      this.#wakeReaders()
    }
  }

  /** Takes over what the clock says, and says it. */
  #advance(): number {
    const clock = this.#parts.clock()
    const passed = Math.max(0, clock - this.#clock)
    this.#clock = clock
    this.#time = Math.max(this.#time + passed / 2, clock)
    return clock
  }

  /** From the first input on, so that a slow restart is not taken for sleep. */
  #startPulse(): void {
    if (this.#pulse !== undefined) return
    this.#pulsedAt = this.#parts.clock()
    const pulse = (): void => {
      if (this.#stopped) return
      this.#pulse = this.#alarms.set(pulse, pulseMs)
      this.#drain()
    }
    this.#pulse = this.#alarms.set(pulse, pulseMs)
  }

  #wakeReaders(): void {
    for (const wake of this.#roomWanted.splice(0)) wake()
  }

  /** Sleep, a frozen page or a throttled one: the pulse did not come when it should have. */
  #noticeGap(): void {
    const clock = this.#advance()
    const gap = clock - this.#pulsedAt
    this.#pulsedAt = clock
    if (gap > gapMs) this.#tick({ kind: 'resumed', gapMs: gap })
  }

  #tick(input: PeerInput): void {
    if (this.#stopped) return
    this.#parts.peer.handle(input, this.now, this.#outbox)
    const effects = this.#outbox.take()
    const held = this.#changes.length + this.#held.effects.length
    this.#gatherSaves(effects)
    const wait = this.#waits()
    for (const effect of effects) {
      if (effect.kind === 'save') continue
      if (effect.kind === 'timer') this.#setTimer(effect.key, effect.at)
      else if (!wait || (effect.kind === 'send' && effect.volatile)) this.#parts.perform(effect)
      else this.#held.effects.push(effect)
    }
    // A tick that holds nothing back waits for no commit, and none may come to count it off.
    if (this.#changes.length + this.#held.effects.length === held) return
    this.#ticksHeld++
    if (this.#ticksHeld >= ticksPerCommit) this.#commit()
    else this.#gathering ??= this.#alarms.set(() => this.#commit(), gatherMs)
  }

  get #ticksUnderWay(): number {
    return this.#ticksHeld + this.#ticksCommitting
  }

  #gatherSaves(effects: readonly PeerEffect[]): void {
    for (const effect of effects) {
      if (effect.kind !== 'save') continue
      const value = effect.value === undefined ? undefined : encodeCanonical(effect.value)
      this.#changes.push({ key: effect.key, value })
    }
  }

  /** Whether something of an earlier tick is not yet durable or has not yet left. */
  #waits(): boolean {
    return (
      this.#committing !== undefined ||
      this.#changes.length > 0 ||
      this.#held.effects.length > 0 ||
      this.#held.questions.length > 0
    )
  }

  #commit(): void {
    this.#alarms.clear(this.#gathering)
    this.#gathering = undefined
    if (this.#committing !== undefined) return
    const changes = this.#changes
    const held = this.#held
    this.#changes = []
    this.#held = { effects: [], questions: [] }
    this.#ticksCommitting = this.#ticksHeld
    this.#ticksHeld = 0
    this.#committing = this.#saveAndRelease(changes, held)
  }

  async #saveAndRelease(changes: readonly StoreChange[], held: Held): Promise<void> {
    try {
      await this.#save(changes)
      this.#committing = undefined
      if (this.#failure !== undefined) throw this.#failure.error
      this.#release(held)
    } catch (error) {
      this.#committing = undefined
      for (const question of held.questions) question.refuse(error)
      this.#fail(error)
    }
  }

  async #save(changes: readonly StoreChange[]): Promise<void> {
    if (changes.length > 0) await this.#parts.store.batch(changes)
  }

  #release(held: Held): void {
    for (const effect of held.effects) this.#parts.perform(effect)
    for (const question of held.questions) question.tell()
    this.#ticksCommitting = 0
    this.#wakeReaders()
    if (this.#waits()) this.#commit()
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = { error }
    this.#stopped = true
    const { questions } = this.#held
    this.#held = { effects: [], questions: [] }
    this.#changes = []
    for (const question of questions) question.refuse(error)
    this.#wakeReaders()
    this.#parts.failed(error)
  }

  #setTimer(key: string, at: Instant | undefined): void {
    this.#alarms.clear(this.#timers.get(key))
    this.#timers.delete(key)
    if (at === undefined) return
    const wait = Math.min(Math.max(0, at - this.now), timeoutMax)
    const timer = this.#alarms.set(() => {
      if (at > this.now) return this.#setTimer(key, at)
      this.#timers.delete(key)
      this.post({ kind: 'timer', key })
    }, wait)
    this.#timers.set(key, timer)
  }
}
