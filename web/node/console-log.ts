import type { HostLog } from '../../shared/host/host-log.ts'

/** The node's log, in the browser's console. */
export const consoleLog: HostLog = (level, message, fields) => {
  const entry = { timestamp: new Date().toISOString(), level, message, target: 'tab', ...fields }
  // biome-ignore lint/suspicious/noConsole: the console is where a tab logs
  console[level](JSON.stringify(entry))
}
