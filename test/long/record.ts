import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** Appends a figure to docs/results/NAME.ndjson, with date and commit, where TABMESH_RECORD=1 asks for it. */
export function record(name: string, figures: Readonly<Record<string, unknown>>): void {
  console.log(`${name}: ${JSON.stringify(figures)}`)
  keepIfAsked(name, figures)
}

/** As `record`, and prints nothing. */
export function keepIfAsked(name: string, figures: Readonly<Record<string, unknown>>): void {
  if (process.env.TABMESH_RECORD !== '1') return
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
  const line = {
    date: new Date().toISOString(),
    commit: git('rev-parse', '--short', 'HEAD'),
    node: process.version,
    ...figures,
  }
  const folder = join(root, 'docs/results')
  mkdirSync(folder, { recursive: true })
  appendFileSync(join(folder, `${name}.ndjson`), `${JSON.stringify(line)}\n`)
}
