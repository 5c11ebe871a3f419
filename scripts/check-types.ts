// Type-checks every project (`tsc -b`), then makes sure that every file of ours belonged to exactly one of them.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import ts from 'typescript'
import { sourceFiles } from './source-files.ts'

const root = process.cwd()
const tsc = resolve(import.meta.dirname, '../node_modules/typescript/bin/tsc')
const build = spawnSync(process.execPath, [tsc, '-b', root], { stdio: 'inherit' })
if (build.status !== 0) process.exitCode = 1

const owners = new Map<string, string[]>()
for (const project of projects()) {
  for (const file of filesOf(project))
    owners.set(file, [...(owners.get(file) ?? []), relative(root, project)])
}
const files = [...sourceFiles(root), ...globSync('*.ts', { cwd: root })]
for (const file of files) {
  const names = owners.get(file) ?? []
  if (names.length === 1) continue
  console.error(`${file}: ${names.length === 0 ? 'belongs to no project' : `belongs to ${names.join(', ')}`}`)
  process.exitCode = 1
}
console.log(`types: ${files.length} files`)
if (files.length === 0) {
  console.error('types: nothing was examined')
  process.exitCode = 1
}

function projects(): string[] {
  const { config } = ts.readConfigFile(resolve(root, 'tsconfig.json'), ts.sys.readFile)
  const references: { path: string }[] = config?.references ?? []
  return references.map((reference) => resolve(root, reference.path))
}

function filesOf(project: string): string[] {
  const { config } = ts.readConfigFile(project, ts.sys.readFile)
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, root, undefined, project)
  return parsed.fileNames.map((file) => relative(root, file).replaceAll('\\', '/'))
}
