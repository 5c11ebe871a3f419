// Runs the import rule of .dependency-cruiser.mjs over the folders of ours.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  cruise,
  type IConfiguration,
  type ICruiseOptions,
  type ICruiseResult,
  type IViolation,
} from 'dependency-cruiser'
import rules from '../.dependency-cruiser.mjs'
import { sourceFiles, sourceFolders } from './source-files.ts'

const root = process.cwd()
const folders = sourceFolders.filter((folder) => existsSync(join(root, folder)))
const result = await cruiseFolders(rules)

const violations = result.summary.violations.filter((violation) => !isAsset(violation))
for (const violation of violations) {
  const path = violation.cycle?.map((step) => step.name).join(' -> ') ?? violation.to
  console.error(`${violation.rule.name}: ${violation.from} -> ${path}`)
}

// A cruiser that cannot read TypeScript passes having seen nothing, so what it saw is compared with the disk.
const cruised = new Set(result.modules.map((module) => module.source))
const missed = sourceFiles(root).filter((path) => !path.endsWith('.d.ts') && !cruised.has(path))
for (const path of missed) console.error(`not examined: ${path}`)

const modules = result.modules.filter(
  (module) => !module.coreModule && !module.source.includes('node_modules'),
)
console.log(`imports: ${modules.length} modules, ${result.summary.totalDependenciesCruised ?? 0} imports`)
const blind = modules.length === 0 || !result.summary.totalDependenciesCruised
if (blind) console.error('imports: nothing was examined')
if (blind || missed.length > 0 || violations.length > 0) process.exitCode = 1

/** A bundler's `?raw` or `?url` import brings a program in as text or an address, which is what the rule asks for. */
function isAsset({ rule, from, to }: IViolation): boolean {
  if (rule.name !== 'programs-are-assets') return false
  const importer = result.modules.find((module) => module.source === from)
  const imports = importer?.dependencies.filter((dependency) => dependency.resolved === to) ?? []
  return imports.length > 0 && imports.every((dependency) => /\?(raw|url)$/.test(dependency.module))
}

async function cruiseFolders({ forbidden, options }: IConfiguration): Promise<ICruiseResult> {
  const cruiseOptions: ICruiseOptions = {
    ...options,
    validate: true,
    ruleSet: { forbidden: forbidden ?? [] },
  }
  const { output } = await cruise(folders, cruiseOptions)
  if (typeof output === 'string') throw new Error(`the cruiser answered with text: ${output}`)
  return output
}
