import { beforeAll, expect, test } from 'vitest'
import { type CheckResult, PlantedProject } from './planted-project.ts'

const SCRIPT = 'scripts/check-core-purity.ts'

const IMPURE = [
  ['Date', 'export const now = Date.now();\n'],
  ['Date', 'export const epoch = new Date(0);\n'],
  ['Date', 'export interface Entry { at: Date }\n'],
  ['Math.random', 'export const dice = Math.random();\n'],
  ['await', 'declare const port: PromiseLike<number>;\nexport const value = await port;\n'],
  ['async', 'export const load = async () => 1;\n'],
  ['async', 'export class Store {\n  async load() {}\n}\n'],
  [
    'for await',
    'declare const all: AsyncIterable<number>;\nfor await (const one of all) void one;\nexport {};\n',
  ],
  ['Promise', 'export const ready = Promise.resolve(1);\n'],
  ['then', 'export const chain = (port: PromiseLike<number>) => port.then((n) => n);\n'],
  ['import()', "export const lazy = () => import('./other.ts');\n"],
  ['Intl', "export const sorter = new Intl.Collator('de');\n"],
  ['toLocaleUpperCase', "export const loud = 'i'.toLocaleUpperCase();\n"],
  ['localeCompare', "export const order = 'a'.localeCompare('b');\n"],
  ['WeakRef', 'export const weak = new WeakRef({});\n'],
  ['FinalizationRegistry', 'export const last = new FinalizationRegistry(() => {});\n'],
  ['globalThis', 'export const all = globalThis;\n'],
  ['eval', "export const one = eval('1');\n"],
  ['Function', "export const one = new Function('return 1');\n"],
] as const

let impure: CheckResult

const CORE = ['shared/kernel/instant.ts', 'shared/task/queue/lease.ts', 'shared/peer/peer.ts']
const HOSTS = ['shared/host/run.ts', 'shared/runtime/runner.ts', 'shared/client/client.ts', 'web/main.ts']

beforeAll(() => {
  const files = [
    ...IMPURE.map(([, text], index) => [`shared/task/impure-${index}.ts`, text]),
    ...[...CORE, ...HOSTS].map((path) => [path, 'export const now = Date.now();\n']),
  ]
  using project = new PlantedProject(Object.fromEntries(files))
  impure = project.script(SCRIPT)
})

test('fails when the core is impure', () => {
  expect(impure.exitCode).toBe(1)
})

for (const [index, [name, text]] of IMPURE.entries()) {
  test(`refuses ${name} in the core: ${text.split('\n').at(-2)}`, () => {
    const reason = name.replace(/[.()]/g, '\\$&')
    expect(impure.output).toMatch(new RegExp(`^shared/task/impure-${index}\\.ts:\\d+:\\d+ ${reason}: `, 'm'))
  })
}

test('looks at every folder of the core and at none of the hosts', () => {
  for (const path of CORE) expect(impure.output).toContain(path)
  for (const path of HOSTS) expect(impure.output).not.toContain(path)
})

test('accepts members of those names, arithmetic, and the type of a port', () => {
  using project = new PlantedProject({
    'shared/task/task.ts': [
      'export interface Store { read(key: string): Promise<number>; Date: number }',
      'export const entry = { Date: 1, eval: 2 };',
      'export const total = entry.Date + entry.eval + Math.max(1, 2);',
      "// Date.now() and await are only spoken of: 'Math.random()'",
      '',
    ].join('\n'),
  })
  const { exitCode, output } = project.script(SCRIPT)
  expect(output.trim()).toBe('core purity: 1 files')
  expect(exitCode).toBe(0)
})

test('fails when there was nothing to examine', () => {
  using project = new PlantedProject({ 'shared/host/run.ts': 'export const one = 1;\n' })
  const { exitCode, output } = project.script(SCRIPT)
  expect(output).toContain('nothing was examined')
  expect(exitCode).toBe(1)
})
