import { Refusal } from '../../shared/kernel/refusal.ts'
import { boolean, integer, object, parse } from '../../shared/kernel/shape.ts'

/** What the visitor allows. Nothing runs while `consent` is false. */
export interface ContributionSettings {
  readonly consent: boolean
  /** Programs at one time, from 1. */
  readonly slots: number
  readonly pauseWhenHidden: boolean
  readonly pauseOnBattery: boolean
  readonly pauseOnMetered: boolean
}

/** More frames than this make no browser faster. */
const slotsAtMost = 64

const settingsShape = object({
  consent: boolean,
  slots: integer(1, slotsAtMost),
  pauseWhenHidden: boolean,
  pauseOnBattery: boolean,
  pauseOnMetered: boolean,
})

/** Logical processors of this machine: the most slots that can be lent. */
export const slotsMax = (): number => Math.min(slotsAtMost, Math.max(1, navigator.hardwareConcurrency ?? 1))

/** No consent, half of the processors. */
const defaultSettings = (): ContributionSettings => ({
  consent: false,
  slots: Math.max(1, Math.floor(slotsMax() / 2)),
  pauseWhenHidden: false,
  pauseOnBattery: true,
  pauseOnMetered: true,
})

/** What the profile chose before; what cannot be read counts as never chosen. */
export function loadSettings(profile: string): ContributionSettings {
  const kept = localStorage.getItem(keyOf(profile))
  if (kept === null) return defaultSettings()
  try {
    const settings = parse(settingsShape, JSON.parse(kept), 'settings')
    if (settings instanceof Refusal) return defaultSettings()
    return { ...settings, slots: Math.min(settings.slots, slotsMax()) }
  } catch {
    return defaultSettings()
  }
}

export function saveSettings(profile: string, settings: ContributionSettings): void {
  localStorage.setItem(keyOf(profile), JSON.stringify(settings))
}

const keyOf = (profile: string): string => `tabmesh/${profile}/contribution`
