import type { Instant, PeerId } from '../../shared/kernel/ids.ts'
import { type Effect, type Machine, Outbox } from '../../shared/kernel/machine.ts'
import { startMs } from './task-fixtures.ts'

type Send<M> = Extract<Effect<M, never, never>, { kind: 'send' }>

/** Gives one machine its inputs by hand, keeps its timers and all it ever asked for. */
export class MachineDriver<I, M extends { readonly type: string }, E extends { readonly type: string }, A> {
  machine: Machine<I | { readonly kind: 'timer'; readonly key: string }, M, E, A>
  now = startMs as Instant
  readonly timers = new Map<string, Instant>()
  /** Everything since the start, in order. */
  readonly history: Effect<M, E, A>[] = []
  readonly #out = new Outbox<M, E, A>()

  constructor(machine: Machine<I | { readonly kind: 'timer'; readonly key: string }, M, E, A>) {
    this.machine = machine
  }

  /** One tick; its effects. */
  give(input: I | { readonly kind: 'timer'; readonly key: string }): Effect<M, E, A>[] {
    this.machine.handle(input, this.now, this.#out)
    const effects = this.#out.take()
    for (const effect of effects) {
      this.history.push(effect)
      if (effect.kind !== 'timer') continue
      if (effect.at === undefined) this.timers.delete(effect.key)
      else this.timers.set(effect.key, effect.at)
    }
    return effects
  }

  /** Lets time pass and the timers fire, each at its time. */
  advance(ms: number): void {
    const end = (this.now + ms) as Instant
    for (;;) {
      const next = [...this.timers].sort(([, a], [, b]) => a - b)[0]
      if (next === undefined || next[1] > end) break
      this.timers.delete(next[0])
      this.now = Math.max(this.now, next[1]) as Instant
      this.give({ kind: 'timer', key: next[0] })
    }
    this.now = end
  }

  /** Time passes and no timer fires: the process was frozen. */
  freeze(ms: number): void {
    this.now = (this.now + ms) as Instant
  }

  events<T extends E['type']>(type: T): Extract<E, { readonly type: T }>[] {
    return this.history.flatMap((effect) =>
      effect.kind === 'event' && effect.event.type === type
        ? [effect.event as Extract<E, { readonly type: T }>]
        : [],
    )
  }

  asks(): A[] {
    return this.history.flatMap((effect) => (effect.kind === 'ask' ? [effect.ask] : []))
  }

  sends<T extends M['type']>(type: T, to?: PeerId): Extract<M, { readonly type: T }>[] {
    return sendsOf(this.history, type, to)
  }

  /** Forgets the history, not the timers: what comes now is counted anew. */
  forget(): void {
    this.history.length = 0
  }
}

export function sendsOf<M extends { readonly type: string }, T extends M['type']>(
  effects: readonly Effect<M, unknown, unknown>[],
  type: T,
  to?: PeerId,
): Extract<M, { readonly type: T }>[] {
  return effects.flatMap((effect) => {
    const send = effect as Send<M>
    const wanted = send.kind === 'send' && send.message.type === type && (to === undefined || send.to === to)
    return wanted ? [send.message as Extract<M, { readonly type: T }>] : []
  })
}
