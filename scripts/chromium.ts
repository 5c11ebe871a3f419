import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright'

/**
 * Flags for every Chromium a test starts. Containers run as root and have no user namespace to give, so
 * `--no-sandbox`; the rest stops the browser from looking up its maker's hosts, which is noise on a machine
 * without a way out and a moving part on one with it.
 */
export const chromiumArgs = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
] as const

const SYSTEM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const INSTALL_TIMEOUT_MS = 900_000

/** The first Chromium there is: named by the environment, then the system's, then Playwright's own. */
export function locateChromium(): string | undefined {
  for (const name of ['TABMESH_CHROMIUM', 'CHROME_PATH']) {
    const named = process.env[name]
    if (named === undefined || named === '') continue
    if (!isExecutable(named)) throw new Error(`${name} names ${named}, which is not an executable file`)
    return named
  }
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const candidates = SYSTEM_NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  return [...candidates, chromium.executablePath()].find(isExecutable)
}

/** Finds a Chromium or installs one; throws with both installers' failures when neither can. */
export function ensureChromium(): string {
  const found = locateChromium()
  if (found !== undefined) return found
  const failures: string[] = []
  for (const [command, args] of installers()) {
    console.error(`no Chromium found: ${command} ${args.join(' ')}`)
    const run = spawnSync(command, args, { stdio: ['ignore', 2, 2], timeout: INSTALL_TIMEOUT_MS })
    if (run.status !== 0)
      failures.push(`${command} ${args.join(' ')}: ${run.error?.message ?? `exit ${run.status}`}`)
    const installed = locateChromium()
    if (installed !== undefined) return installed
  }
  throw new Error(`no Chromium, and none could be installed:\n  ${failures.join('\n  ')}`)
}

function installers(): [string, string[]][] {
  const playwrightCli = join(import.meta.dirname, '../node_modules/playwright/cli.js')
  return [
    [process.execPath, [playwrightCli, 'install', '--with-deps', 'chromium']],
    ['sh', ['-c', 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y chromium']],
  ]
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
