import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const repository = join(import.meta.dirname, '../..')
const CONFIGURATION = [
  'package.json',
  'biome.json',
  'knip.json',
  '.gitignore',
  '.dependency-cruiser.mjs',
  'tsconfig.json',
  'tsconfig.base.json',
  'tsconfig.core.json',
  'tsconfig.host.json',
  'tsconfig.relay.json',
  'tsconfig.web.json',
  'tsconfig.worker.json',
  'tsconfig.test.json',
]

export interface CheckResult {
  readonly exitCode: number | null
  readonly output: string
}

/** A throw-away project with this repository's configuration and only the files a test gives it. */
export class PlantedProject {
  readonly root: string

  constructor(files: Readonly<Record<string, string>>) {
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'tabmesh-planted-')))
    for (const name of CONFIGURATION) cpSync(join(repository, name), join(this.root, name))
    symlinkSync(join(repository, 'node_modules'), join(this.root, 'node_modules'), 'dir')
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true })
      writeFileSync(join(this.root, path), text)
    }
  }

  /** Runs one of the repository's own scripts in this project. */
  script(path: string): CheckResult {
    return this.#node([join(repository, path)])
  }

  /** Runs an installed tool in this project. */
  tool(path: string, ...args: string[]): CheckResult {
    return this.#node([join(repository, 'node_modules', path), ...args])
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  #node(args: readonly string[]): CheckResult {
    const run = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      cwd: this.root,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    })
    return { exitCode: run.status, output: run.stdout + run.stderr }
  }
}
