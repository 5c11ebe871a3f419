import { type Conditions, ConditionWatch, type PauseReason } from './conditions.ts'
import { type ContributionSettings, loadSettings, saveSettings, slotsMax } from './contribution-settings.ts'
import type { LazyRunner } from './lazy-runner.ts'

export interface ContributionState {
  readonly settings: ContributionSettings
  /** The most slots this machine has to lend. */
  readonly slotsMax: number
  /** Slots lent now. */
  readonly slots: number
  /** `off`: no consent. `starting`: the sandbox is being made. */
  readonly status: 'off' | 'starting' | 'lending' | 'paused' | 'failed'
  readonly pausedBy: PauseReason | undefined
  /** Why the sandbox could not be made; of `failed`. */
  readonly problem: string | undefined
}

export interface ContributionParts {
  readonly profile: string
  readonly runner: LazyRunner
  /** Tells the worker machine; 0 hands back what it holds. */
  readonly lend: (slots: number) => void
  readonly changed: () => void
}

/**
 * Whether, and how much, this tab lends.
 *
 * Invariants: (1) without consent no slot is lent and no sandbox exists; (2) slots are lent only after as many
 * sandboxes are ready; (3) what takes slots away takes effect at once.
 */
export class Contribution {
  readonly #parts: ContributionParts
  readonly #conditions: ConditionWatch
  #settings: ContributionSettings
  #lent = 0
  #status: ContributionState['status'] = 'off'
  #problem: string | undefined
  /** Counts applications: one that waited for sandboxes is void when another began meanwhile. */
  #applied = 0
  #stopped = false

  constructor(parts: ContributionParts) {
    this.#parts = parts
    this.#settings = loadSettings(parts.profile)
    this.#conditions = new ConditionWatch(() => void this.#apply())
  }

  get state(): ContributionState {
    return {
      settings: this.#settings,
      slotsMax: slotsMax(),
      slots: this.#lent,
      status: this.#status,
      pausedBy: this.#status === 'paused' ? pauseReason(this.#settings, this.#conditions.current) : undefined,
      problem: this.#problem,
    }
  }

  /** Begins with what the visitor chose before. */
  start(): void {
    void this.#apply()
  }

  change(settings: Partial<ContributionSettings>): void {
    this.#settings = { ...this.#settings, ...settings }
    saveSettings(this.#parts.profile, this.#settings)
    void this.#apply()
  }

  stop(): void {
    this.#stopped = true
    this.#lend(0)
  }

  async #apply(): Promise<void> {
    if (this.#stopped) return
    const application = ++this.#applied
    const { consent, slots } = this.#settings
    this.#problem = undefined
    const isPaused = pauseReason(this.#settings, this.#conditions.current) !== undefined
    if (!consent || isPaused) {
      this.#lend(0)
      this.#become(consent ? 'paused' : 'off')
      // A failure to start belongs to a wish that is gone.
      if (!consent) await this.#parts.runner.close().catch(() => undefined)
      return
    }
    if (slots < this.#lent) this.#lend(slots)
    if (this.#lent === 0) this.#become('starting')
    try {
      await this.#parts.runner.resize(slots)
    } catch (error) {
      if (application !== this.#applied) return
      this.#problem = error instanceof Error ? error.message : String(error)
      return this.#become('failed')
    }
    if (application !== this.#applied) return
    this.#lend(slots)
    this.#become('lending')
  }

  #lend(slots: number): void {
    if (slots === this.#lent) return
    this.#lent = slots
    this.#parts.lend(slots)
  }

  #become(status: ContributionState['status']): void {
    this.#status = status
    this.#parts.changed()
  }
}

function pauseReason(settings: ContributionSettings, conditions: Conditions): PauseReason | undefined {
  if (conditions.isLeaving) return 'leaving'
  if (settings.pauseWhenHidden && conditions.isHidden) return 'hidden'
  if (settings.pauseOnBattery && conditions.isOnBattery) return 'battery'
  return settings.pauseOnMetered && conditions.isMetered ? 'metered' : undefined
}
