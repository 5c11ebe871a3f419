import type { PeerId } from '../../shared/kernel/ids.ts'
import type { NodeKind } from '../../shared/membership/membership.ts'
import type { PauseReason } from '../node/conditions.ts'

/** All ids begin alike: the end tells them apart. */
export const shortId = (peer: PeerId | string): string => `…${peer.slice(-8)}`

/** `3 tabs`, `1 tab`. */
export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`

/** `12 s`, `3 min`, `2 h`. */
export function durationSince(instant: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - instant) / 1_000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export const kindNames: Readonly<Record<NodeKind, string>> = { tab: 'Tab', agent: 'Agent', relay: 'Relay' }

export const pauseWords: Readonly<Record<PauseReason, string>> = {
  hidden: 'Paused while this tab is hidden',
  leaving: 'Paused: the browser is putting this tab to sleep',
  battery: 'Paused while this computer runs on battery',
  metered: 'Paused on a metered connection',
}

/** `312 bytes`, `4.2 KB`, `64 MB`, rounded up, so that what is over a limit never looks like the limit. */
export function sizeWords(bytes: number): string {
  if (bytes < 1_024) return counted(bytes, 'byte')
  const [amount, unit] = bytes < 2 ** 20 ? [bytes / 2 ** 10, 'KB'] : [bytes / 2 ** 20, 'MB']
  return `${Math.ceil(amount * 10) / 10} ${unit}`
}
