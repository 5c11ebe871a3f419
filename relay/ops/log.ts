import { pino } from 'pino'
import type { HostLog } from '../../shared/host/host-log.ts'
import type { RelaySettings } from '../config/settings.ts'

export interface JsonLog extends HostLog {
  /** From now on. */
  setLevel(level: RelaySettings['log']): void
}

/** OBS-02: one JSON object a line on stderr; `level` is the least that is shown. */
export function jsonLog(target: string, level: RelaySettings['log']): JsonLog {
  const logger = pino(
    {
      level,
      base: { target },
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  )
  const log: HostLog = (at, message, fields) => {
    if (fields === undefined) logger[at](message)
    else logger[at](fields, message)
  }
  return Object.assign(log, {
    setLevel: (next: RelaySettings['log']) => {
      logger.level = next
    },
  })
}
