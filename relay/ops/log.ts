import { pino } from 'pino'
import type { HostLog } from '../../shared/host/host-log.ts'

/** OBS-02: one JSON object a line on stderr; `TABMESH_LOG` is the least level shown. */
export function jsonLog(target: string, env: NodeJS.ProcessEnv = process.env): HostLog {
  const level = env['TABMESH_LOG'] ?? 'info'
  const logger = pino(
    {
      level: isLevel(level) ? level : 'info',
      base: { target },
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  )
  return (at, message, fields) => {
    if (fields === undefined) logger[at](message)
    else logger[at](fields, message)
  }
}

const isLevel = (level: string): boolean => ['debug', 'info', 'warn', 'error', 'silent'].includes(level)
