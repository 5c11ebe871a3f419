import type { HostLog } from '../../shared/host/host-log.ts'
import { type Role, type RoleSettings, type Setting, settingsOf } from './settings.ts'

/** What makes a running node take over one setting, by its key. */
export type Appliers = Readonly<Record<string, (value: never) => void>>

/** OPS-02: the settings a node runs with. Those that are live change when they are read again. */
export class LiveSettings<R extends Role> {
  readonly #role: R
  readonly #load: () => Promise<RoleSettings[R]>
  readonly #log: HostLog
  #now: RoleSettings[R]

  /** `load` reads them from where they were read first. */
  constructor(role: R, now: RoleSettings[R], load: () => Promise<RoleSettings[R]>, log: HostLog) {
    this.#role = role
    this.#now = now
    this.#load = load
    this.#log = log
  }

  get now(): RoleSettings[R] {
    return this.#now
  }

  /** Logs what changed, what has to wait for the next start, and what is wrong; then all stays as it was. */
  async reload(appliers: Appliers): Promise<void> {
    let next: RoleSettings[R]
    try {
      next = await this.#load()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return this.#log('error', 'The settings could not be read again; those from before stay', { reason })
    }
    const before = this.#now
    const changed = settingsOf(this.#role).filter((one) => valueIn(before, one) !== valueIn(next, one))
    if (changed.length === 0) return this.#log('info', 'The settings were read again; none has changed')
    for (const setting of changed) this.#takeOver(setting, next, appliers)
  }

  #takeOver(setting: Setting, next: RoleSettings[R], appliers: Appliers): void {
    const { key, schema } = setting
    const value = valueIn(next, setting)
    const apply = appliers[key] as ((value: unknown) => void) | undefined
    const shown: Readonly<Record<string, string | number>> =
      schema.secret || value === undefined ? {} : { value }
    if (apply === undefined) return this.#log('warn', `Setting changed, for the next start: ${key}`, shown)
    apply(value)
    this.#now = withValue(this.#now, setting.path, value)
    this.#log('info', `Setting changed: ${key}`, shown)
  }
}

function valueIn(settings: object, { path }: Setting): string | number | undefined {
  const value = path.reduce<unknown>(
    (at, name) => (at as Record<string, unknown> | undefined)?.[name],
    settings,
  )
  return value as string | number | undefined
}

function withValue<S extends object>(settings: S, [name, ...rest]: readonly string[], value: unknown): S {
  const inner = (settings as Record<string, unknown>)[name!]
  return { ...settings, [name!]: rest.length === 0 ? value : withValue(inner as object, rest, value) }
}
