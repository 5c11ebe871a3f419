// Lints and checks the format of everything Biome knows, and that it did look at every file of ours.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { sourceFiles } from './source-files.ts'

const biome = join(import.meta.dirname, '../node_modules/@biomejs/biome/bin/biome')
const colors = process.stdout.isTTY ? 'force' : 'off'
const options = ['--error-on-warnings', '--max-diagnostics=none', `--colors=${colors}`]
const run = spawnSync(process.execPath, [biome, 'check', ...options], {
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
})
process.stdout.write(run.stdout)
process.stderr.write(run.stderr)
if (run.status !== 0) process.exitCode = 1

const checked = Number(/Checked (\d+) files?/.exec(run.stdout + run.stderr)?.[1] ?? 0)
const files = sourceFiles(process.cwd()).length
const configuration = globSync(['*.json', '*.ts', '.*.mjs']).filter(
  (path) => path !== 'package-lock.json',
).length
if (files === 0 || checked < files + configuration) {
  const there = `${files} of ours and ${configuration} of configuration`
  console.error(`lint: ${checked} files were examined, and there are ${there}`)
  process.exitCode = 1
}
