/** What the browser tells of the machine and the tab, as far as it bears on lending. */
export interface Conditions {
  readonly isHidden: boolean
  /** The page is being frozen or left. */
  readonly isLeaving: boolean
  /** False where the browser does not tell. */
  readonly isOnBattery: boolean
  /** A connection that is paid by volume, or data saving is wanted; false where the browser does not tell. */
  readonly isMetered: boolean
}

export type PauseReason = 'hidden' | 'leaving' | 'battery' | 'metered'

/** Parts of the platform that TypeScript does not declare, since not every browser has them. */
interface BatteryLike extends EventTarget {
  readonly charging: boolean
}
interface ConnectionLike extends EventTarget {
  readonly saveData?: boolean
  readonly type?: string
}
type NavigatorLike = Navigator & {
  readonly getBattery?: () => Promise<BatteryLike>
  readonly connection?: ConnectionLike
}

/** Watches the conditions for as long as the page lives. */
export class ConditionWatch {
  readonly #changed: () => void
  #isLeaving = false
  #battery: BatteryLike | undefined

  constructor(changed: () => void) {
    this.#changed = changed
    document.addEventListener('visibilitychange', changed)
    // A frozen page runs no code: what it holds must go back before.
    document.addEventListener('freeze', () => this.#leaving(true))
    document.addEventListener('resume', () => this.#leaving(false))
    window.addEventListener('pagehide', () => this.#leaving(true))
    window.addEventListener('pageshow', () => this.#leaving(false))
    this.#connection()?.addEventListener('change', changed)
    void this.#watchBattery()
  }

  get current(): Conditions {
    const connection = this.#connection()
    return {
      isHidden: document.visibilityState === 'hidden',
      isLeaving: this.#isLeaving,
      isOnBattery: this.#battery?.charging === false,
      isMetered: connection?.saveData === true || connection?.type === 'cellular',
    }
  }

  #leaving(isLeaving: boolean): void {
    if (this.#isLeaving === isLeaving) return
    this.#isLeaving = isLeaving
    this.#changed()
  }

  #connection(): ConnectionLike | undefined {
    return (navigator as NavigatorLike).connection
  }

  async #watchBattery(): Promise<void> {
    try {
      this.#battery = await (navigator as NavigatorLike).getBattery?.()
    } catch {
      // The browser or its policy does not tell.
      return
    }
    this.#battery?.addEventListener('chargingchange', this.#changed)
    if (this.#battery !== undefined) this.#changed()
  }
}
