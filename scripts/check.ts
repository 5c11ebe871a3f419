// Everything `npm run check` promises, each step to its end, so that one run shows all that is wrong.
// With names as arguments only those steps run: `npm run check -- types imports`.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const bin = (path: string) => join(root, 'node_modules', path)
const steps = new Map<string, string[]>([
  ['lint', [join(root, 'scripts/check-lint.ts')]],
  ['types', [join(root, 'scripts/check-types.ts')]],
  ['imports', [join(root, 'scripts/check-imports.ts')]],
  ['purity', [join(root, 'scripts/check-core-purity.ts')]],
  ['dead', [bin('knip/bin/knip.js'), '--no-progress']],
])

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !steps.has(name))
if (unknown.length > 0) {
  console.error(`unknown step ${unknown.join(', ')}; there are ${[...steps.keys()].join(', ')}`)
  process.exit(2)
}

const failed: string[] = []
for (const [name, args] of steps) {
  if (asked.length > 0 && !asked.includes(name)) continue
  console.log(`== ${name}`)
  const run = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (run.status !== 0) failed.push(name)
}
console.log(failed.length === 0 ? 'check: ok' : `check: failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
