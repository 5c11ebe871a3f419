import { posix } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import rules from '../../.dependency-cruiser.mjs'
import { type CheckResult, PlantedProject } from './planted-project.ts'

const SCRIPT = 'scripts/check-imports.ts'
const VALUE = 'export const value = 1;\nexport type Value = typeof value;\n'
const uses = (specifier: string) => `import { value } from '${specifier}';\nexport const used = value;\n`
const names = (specifier: string) =>
  `import type { Value } from '${specifier}';\nexport type Named = Value;\n`
const loads = (specifier: string) => `import '${specifier}';\nexport const used = 1;\n`

/** For each rule of the import rule, projects that break it and nothing else but what they must. */
const PLANTED: Readonly<Record<string, readonly Readonly<Record<string, string>>[]>> = {
  'no-cycles': [
    {
      'shared/task/one.ts': "import { two } from './two.ts';\nexport const one = (): number => two();\n",
      'shared/task/two.ts': "import { one } from './one.ts';\nexport const two = (): number => one();\n",
    },
    {
      'shared/task/one.ts': "import type { Two } from './two.ts';\nexport interface One { two: Two }\n",
      'shared/task/two.ts': "import type { One } from './one.ts';\nexport interface Two { one: One }\n",
    },
  ],
  'everything-resolves': [{ 'shared/task/task.ts': uses('./gone.ts') }],
  'kernel-imports-nothing-of-ours': [
    { 'shared/kernel/codec.ts': uses('../task/task.ts'), 'shared/task/task.ts': VALUE },
    { 'shared/kernel/codec.ts': names('../task/task.ts'), 'shared/task/task.ts': VALUE },
  ],
  'domain-imports-only-types-of-other-domains': [
    { 'shared/task/task.ts': uses('../ledger/ledger.ts'), 'shared/ledger/ledger.ts': VALUE },
  ],
  'domain-imports-nothing-above-it': [
    { 'shared/task/task.ts': uses('../peer/peer.ts'), 'shared/peer/peer.ts': VALUE },
    { 'shared/task/task.ts': names('../host/run.ts'), 'shared/host/run.ts': VALUE },
    { 'shared/task/task.ts': names('../../relay/config.ts'), 'relay/config.ts': VALUE },
  ],
  'peer-imports-nothing-above-it': [
    { 'shared/peer/peer.ts': uses('../host/run.ts'), 'shared/host/run.ts': VALUE },
    { 'shared/peer/peer.ts': names('../../web/main.ts'), 'web/main.ts': VALUE },
  ],
  'host-runtime-client-import-nothing-above-them': [
    { 'shared/host/run.ts': uses('../../relay/config.ts'), 'relay/config.ts': VALUE },
    { 'shared/client/client.ts': names('../../web/main.ts'), 'web/main.ts': VALUE },
  ],
  'host-runtime-client-share-only-types': [
    { 'shared/host/run.ts': uses('../runtime/runner.ts'), 'shared/runtime/runner.ts': VALUE },
  ],
  'web-and-relay-never-meet': [
    { 'web/main.ts': names('../relay/config.ts'), 'relay/config.ts': VALUE },
    { 'relay/main.ts': uses('../web/theme.ts'), 'web/theme.ts': VALUE },
  ],
  'nothing-imports-tests': [
    { 'relay/main.ts': uses('../test/fake.ts'), 'test/fake.ts': VALUE },
    { 'shared/task/task.ts': names('../../e2e/tabs.ts'), 'e2e/tabs.ts': VALUE },
  ],
  'product-imports-no-scripts': [{ 'relay/main.ts': uses('../scripts/build.ts'), 'scripts/build.ts': VALUE }],
  'programs-are-assets': [
    { 'relay/main.ts': loads('../programs/words.js'), 'programs/words.js': 'export default 1;\n' },
  ],
  'core-uses-no-npm-package': [
    { 'shared/task/task.ts': loads('lit') },
    { 'shared/peer/peer.ts': loads('cborg') },
  ],
  'kernel-uses-only-pure-packages': [{ 'shared/kernel/codec.ts': loads('hash-wasm') }],
  'platform-neutral-uses-no-node-builtin': [
    { 'shared/kernel/codec.ts': loads('node:fs') },
    { 'shared/host/run.ts': loads('node:crypto') },
    { 'web/main.ts': loads('node:path') },
  ],
  'product-uses-no-dev-dependency': [{ 'relay/main.ts': loads('fast-check') }],
}

type Files = Readonly<Record<string, string>>

/** The same files under names that no other breach has: `task.ts` is `task-7.ts` in the seventh. */
function renamed(files: Files, number: number): Files {
  const own = (path: string) => {
    const { dir, name, ext } = posix.parse(path)
    return posix.join(dir, `${name}-${number}${ext}`)
  }
  const names = Object.keys(files).map((path) => posix.basename(path))
  const rewritten = (text: string) =>
    names.reduce((all, name) => all.replaceAll(`/${name}'`, `/${own(name)}'`), text)
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [own(path), rewritten(text)]))
}

const breaches = Object.entries(PLANTED)
  .flatMap(([rule, projects]) =>
    projects.map((files, index) => ({ rule, files, of: `${index + 1} of ${projects.length}` })),
  )
  .map(({ rule, files, of }, index) => ({ rule, of, files: renamed(files, index + 1) }))
let all: CheckResult

/** In one project, since the cruiser takes a second to start: none of them sees the files of another. */
beforeAll(() => {
  using project = new PlantedProject(Object.assign({}, ...breaches.map(({ files }) => files)))
  all = project.script(SCRIPT)
})

for (const { rule, files, of } of breaches) {
  test(`reports a breach of ${rule} (${of})`, () => {
    const told = all.output.split('\n').filter((line) => line.startsWith(`${rule}: `))
    const importers = told.map((line) => line.slice(rule.length + 2).split(' -> ')[0])
    expect(Object.keys(files).filter((path) => importers.includes(path))).not.toEqual([])
  })
}

test('fails for breaches', () => {
  expect(all.exitCode).toBe(1)
})

test('has a planted breach for every rule', () => {
  expect(Object.keys(PLANTED).sort()).toEqual((rules.forbidden ?? []).map((rule) => rule.name).sort())
})

test('accepts every import the rule allows', () => {
  using project = new PlantedProject({
    'shared/kernel/codec.ts': `import '@noble/hashes/sha2.js';\n${VALUE}`,
    'shared/ledger/ledger.ts': `${uses('../kernel/codec.ts')}${VALUE.replace('value = 1', 'value = 2')}`,
    'shared/task/task.ts': `${names('../ledger/ledger.ts')}export const inner = 1;\n`,
    'shared/task/queue.ts': "import { inner } from './task.ts';\nexport const value = inner;\n",
    'shared/peer/peer.ts': `${uses('../task/queue.ts')}export const value = used;\n`,
    'shared/runtime/runner.ts': VALUE,
    'shared/host/run.ts': `${names('../runtime/runner.ts')}import 'libp2p';\nexport const value = 1;\n`,
    'relay/main.ts': `import 'node:fs';\n${uses('../shared/host/run.ts')}`,
    'web/main.ts': `import 'lit';\nimport '../programs/words.js?raw';\n${uses('../shared/host/run.ts')}`,
    'programs/words.js': 'export default 1;\n',
    'test/peer.test.ts': uses('../shared/peer/peer.ts'),
  })
  const { exitCode, output } = project.script(SCRIPT)
  expect(output.trim()).toBe('imports: 11 modules, 13 imports')
  expect(exitCode).toBe(0)
})

test('fails when there was nothing to examine', () => {
  using project = new PlantedProject({})
  const { exitCode, output } = project.script(SCRIPT)
  expect(output).toContain('nothing was examined')
  expect(exitCode).toBe(1)
})
