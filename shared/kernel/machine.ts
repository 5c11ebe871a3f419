import type { Instant, PeerId } from './ids.ts'

/** One row of a machine's durable state; `value` is a plain value of the codec, never changed after it was saved. */
export interface Row {
  readonly key: string
  readonly value: unknown
}

/**
 * What a machine asks of its host, in the order it asked. `M` are messages, `E` events, `A` asks: long or outside
 * work that comes back as a command.
 */
export type Effect<M, E, A> =
  /** `volatile` may leave before the tick's saves are durable, so it says nothing of saved state. */
  | { readonly kind: 'send'; readonly to: PeerId; readonly message: M; readonly volatile: boolean }
  | { readonly kind: 'publish'; readonly topic: string; readonly message: M }
  | { readonly kind: 'save'; readonly key: string; readonly value: unknown }
  | { readonly kind: 'timer'; readonly key: string; readonly at: Instant | undefined }
  | { readonly kind: 'event'; readonly event: E }
  | { readonly kind: 'ask'; readonly ask: A }

/** Where a machine records its effects. A domain declares the narrow one it uses; the parent's wide one fits it. */
export interface Out<M, E, A> {
  send(to: PeerId, message: M): void
  /** For heartbeats, presence and progress: lost without harm, sent without waiting. */
  sendVolatile(to: PeerId, message: M): void
  publish(topic: string, message: M): void
  /** `undefined` deletes the row. */
  save(key: string, value: unknown): void
  /** Replaces the timer of that key; `undefined` stops it. A timer may fire late and means only "look again". */
  timer(key: string, at: Instant | undefined): void
  event(event: E): void
  ask(ask: A): void
}

/**
 * A machine changes only its own state, performs nothing, and is deterministic: the same inputs at the same times
 * give the same effects. `restore` comes before the first `handle` and is the only recovery path: some rows at a time, in
 * key order, then `restored`.
 */
export interface Machine<I, M, E, A> {
  handle(input: I, now: Instant, out: Out<M, E, A>): void
  restore(rows: Iterable<Row>): void
  restored(now: Instant): void
}

/** The list of a tick's effects. */
export class Outbox<M, E, A> implements Out<M, E, A> {
  #effects: Effect<M, E, A>[] = []

  send(to: PeerId, message: M): void {
    this.#effects.push({ kind: 'send', to, message, volatile: false })
  }

  sendVolatile(to: PeerId, message: M): void {
    this.#effects.push({ kind: 'send', to, message, volatile: true })
  }

  publish(topic: string, message: M): void {
    this.#effects.push({ kind: 'publish', topic, message })
  }

  save(key: string, value: unknown): void {
    this.#effects.push({ kind: 'save', key, value })
  }

  timer(key: string, at: Instant | undefined): void {
    this.#effects.push({ kind: 'timer', key, at })
  }

  event(event: E): void {
    this.#effects.push({ kind: 'event', event })
  }

  ask(ask: A): void {
    this.#effects.push({ kind: 'ask', ask })
  }

  get length(): number {
    return this.#effects.length
  }

  at(index: number): Effect<M, E, A> {
    return this.#effects[index]!
  }

  /** The effects so far; the outbox is empty afterwards. */
  take(): Effect<M, E, A>[] {
    const taken = this.#effects
    this.#effects = []
    return taken
  }
}
