import { beforeAll, expect, test } from 'vitest'
import { type CheckResult, PlantedProject } from './planted-project.ts'

const SCRIPT = 'scripts/check-lint.ts'

const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i))

const PLANTED = [
  ['format', 'export const one  =  1;\n'],
  ['style/noExcessiveLinesPerFile', `${lines(501, (i) => `export const n${i} = ${i};`).join('\n')}\n`],
  [
    'complexity/noExcessiveLinesPerFunction',
    `export function long(): number {\n  let n = 0;\n${lines(80, () => '  n += 1;').join('\n')}\n  return n;\n}\n`,
  ],
  [
    'complexity/noExcessiveCognitiveComplexity',
    `export function deep(n: number): number {\n${lines(21, (i) => `  if (n === ${i}) return ${i};`).join('\n')}\n  return n;\n}\n`,
  ],
  ['suspicious/noExplicitAny', 'export const loose = (value: any) => value;\n'],
  ['style/noEnum', 'export enum Colour {\n  Red = 0,\n}\n'],
  ['style/noNamespace', 'export namespace Space {\n  export const one = 1;\n}\n'],
  ['style/noParameterProperties', 'export class Box {\n  constructor(readonly size: number) {}\n}\n'],
  ['performance/noBarrelFile', "export { one } from './one.ts';\nexport { two } from './two.ts';\n"],
  ['performance/noReExportAll', "export * from './one.ts';\n"],
  ['style/noDefaultExport', 'export default 1;\n'],
  ['suspicious/noConsole', "console.log('hello');\n"],
  [
    'nursery/noFloatingPromises',
    'async function load(): Promise<void> {}\n\nexport function start(): void {\n  load();\n}\n',
  ],
] as const

let all: CheckResult

/** In one project, each in a file of its own, since starting the linter is most of what it costs. */
beforeAll(() => {
  const files = PLANTED.map(([, text], index) => [`shared/host/breach-${index}.ts`, text])
  using project = new PlantedProject({
    ...Object.fromEntries(files),
    'shared/host/RunLoop.ts': 'export const one = 1\n',
  })
  all = project.script(SCRIPT)
})

for (const [index, [rule]] of PLANTED.entries()) {
  test(`reports a breach of ${rule}`, () => {
    expect(all.output).toMatch(new RegExp(`breach-${index}\\.ts.*${rule}`))
  })
}

test('reports a file that is not kebab-case', () => {
  expect(all.output).toMatch(/RunLoop\.ts.*style\/useFilenamingConvention/)
})

test('fails for breaches', () => {
  expect(all.exitCode).toBe(1)
})

test('accepts a clean file', () => {
  using project = new PlantedProject({ 'shared/host/run.ts': 'export const one = 1\n' })
  const { exitCode, output } = project.script(SCRIPT)
  expect(output.trim()).toMatch(/^Checked \d+ files in \w+\. No fixes applied\.$/)
  expect(exitCode).toBe(0)
})

test('fails when there was nothing to examine', () => {
  using project = new PlantedProject({})
  const { exitCode, output } = project.script(SCRIPT)
  expect(output).toContain('there are 0 of ours')
  expect(exitCode).toBe(1)
})

test('fails when the linter passes over a file of ours', () => {
  using project = new PlantedProject({
    '.gitignore': 'shared\n',
    'shared/host/run.ts': 'export const one  =  1;\n',
    'shared/host/inbound.ts': 'export const two  =  2;\n',
  })
  const { exitCode, output } = project.script(SCRIPT)
  expect(output).toMatch(/files were examined, and there are 2 of ours/)
  expect(exitCode).toBe(1)
})
