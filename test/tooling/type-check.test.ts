import { beforeAll, expect, test } from 'vitest'
import { type CheckResult, PlantedProject } from './planted-project.ts'

const SCRIPT = 'scripts/check-types.ts'

/** One file of the core, and what of a platform it reaches for. */
const PLATFORM = [
  ['setTimeout', 'export const later = setTimeout(() => undefined, 1);\n'],
  ['crypto', 'export const key = crypto.subtle;\n'],
  ['fetch', "export const page = fetch('https://example.org');\n"],
  ['process', 'export const path = process.cwd();\n'],
  ['TextEncoder', 'export const encoder = new TextEncoder();\n'],
  ['console', "console.log('hello');\nexport const done = true;\n"],
  ['performance', 'export const now = performance.now();\n'],
  ['WebAssembly', 'export const memory = new WebAssembly.Memory({ initial: 1 });\n'],
  ['Buffer', 'export const bytes = Buffer.alloc(1);\n'],
] as const

/** Breaks of the language's strict subset, by the error they must give. */
const LANGUAGE = [
  ['an unchecked index', 'TS2322', 'export const first = (list: number[]): number => list[0];\n'],
  ['undefined for an optional', 'TS2375', 'export const none: { at?: number } = { at: undefined };\n'],
  ['an enum', 'TS1294', 'export enum Colour {\n  Red,\n}\n'],
  ['a parameter property', 'TS1294', 'export class Box {\n  constructor(readonly size: number) {}\n}\n'],
  ['a namespace', 'TS1294', 'export namespace Space {\n  export const one = 1;\n}\n'],
] as const

/** One plain mistake in a file of each project, and in those at the root. */
const MISTAKEN = [
  'shared/kernel/codec.ts',
  'shared/host/run.ts',
  'relay/main.ts',
  'web/main.ts',
  'web/sandbox/guest.worker.ts',
  'test/codec.test.ts',
  'e2e/tabs.spec.ts',
  'scripts/build.ts',
  'vite.config.ts',
]

/** Every planted mistake in one project, since the compiler takes seconds to start. */
const mistakes = {
  ...Object.fromEntries(MISTAKEN.map((path) => [path, "export const count: number = 'one';\n"])),
  'shared/host/platform.ts': 'export const path = process.cwd();\n',
  // The kernel's package is imported too, since its own types could bring a platform along.
  'shared/kernel/packages.ts': "import '@noble/hashes/sha2.js';\n",
  ...Object.fromEntries(PLATFORM.map(([name, text]) => [`shared/kernel/platform-${name}.ts`, text])),
  ...Object.fromEntries(LANGUAGE.map(([name, , text]) => [`shared/kernel/${slug(name)}.ts`, text])),
}
let all: CheckResult

beforeAll(() => {
  using project = new PlantedProject(mistakes)
  all = project.script(SCRIPT)
})

test('fails when a rule of the compiler is broken', () => {
  expect(all.exitCode).toBe(1)
})

for (const [name] of PLATFORM) {
  test(`refuses ${name} in the core`, () => {
    expect(all.output).toMatch(new RegExp(`platform-${name}\\.ts\\(.*error TS.*'${name}'`))
  })
}

for (const [name, code] of LANGUAGE) {
  test(`refuses ${name}`, () => {
    expect(all.output).toMatch(new RegExp(`/${slug(name)}\\.ts\\(.*error ${code}:`))
  })
}

test('refuses a node API in the platform-neutral hosts', () => {
  expect(all.output).toMatch(/host\/platform\.ts.*error TS.*'process'/)
})

test('reports errors in every project, not only the first', () => {
  for (const path of MISTAKEN) expect(all.output).toContain(`${path}(1,14): error TS2322`)
})

test('accepts WebCrypto in a host, node in the relay, the DOM in the page, and imports between them', () => {
  using project = new PlantedProject({
    'shared/kernel/codec.ts': 'export const one: number = 1;\n',
    'shared/host/run.ts': "export { one } from '../kernel/codec.ts';\nexport const subtle = crypto.subtle;\n",
    'relay/main.ts':
      "import { one } from '../shared/host/run.ts';\nexport const exit = () => process.exit(one);\n",
    'web/main.ts':
      "import { subtle } from '../shared/host/run.ts';\nexport const of = () => [document.body, subtle];\n",
    'web/sandbox/guest.worker.ts':
      'self.postMessage(1, []);\nexport const scope: WorkerGlobalScope = self;\n',
    'test/run.test.ts': "import { of } from '../web/main.ts';\nexport const all = [of, process];\n",
  })
  const { exitCode, output } = project.script(SCRIPT)
  expect(output.trim()).toBe('types: 6 files')
  expect(exitCode).toBe(0)
})

/** Where the compiler itself has nothing to say, its other projects would only cost time. */
const fewProjects = {
  'tsconfig.json':
    '{ "files": [], "references": [{ "path": "./tsconfig.core.json" }, { "path": "./tsconfig.host.json" }] }\n',
}

test('reports a file that belongs to no project', () => {
  using project = new PlantedProject({
    ...fewProjects,
    'shared/kernel/codec.ts': 'export const one = 1;\n',
    'shared/host/dist/output.ts': 'export const two = 2;\n',
    'tsconfig.host.json':
      '{ "extends": "./tsconfig.base.json", "include": ["shared/host/*.ts"], "references": [] }\n',
  })
  const { exitCode, output } = project.script(SCRIPT)
  expect(output).toContain('shared/host/dist/output.ts: belongs to no project')
  expect(exitCode).toBe(1)
})

test('fails when there was nothing to examine', () => {
  using project = new PlantedProject({})
  const { exitCode, output } = project.script(SCRIPT)
  expect(output).toContain('nothing was examined')
  expect(exitCode).toBe(1)
})

function slug(name: string): string {
  return name.replaceAll(' ', '-')
}
