import { expect, test } from 'vitest'
import { PlantedProject } from './planted-project.ts'

const START = "import { one } from './one.ts';\n\nprocess.stdout.write(String(one));\n"

test('reports an export that nobody imports', () => {
  using project = new PlantedProject({
    'relay/main.ts': START,
    'relay/one.ts': 'export const one = 1;\nexport const forgotten = 2;\n',
  })
  const { exitCode, output } = knip(project)
  expect(output).toMatch(/forgotten +relay\/one\.ts/)
  expect(exitCode).toBe(1)
})

test('reports a file that nobody imports', () => {
  using project = new PlantedProject({
    'relay/main.ts': START,
    'relay/one.ts': 'export const one = 1;\n',
    'shared/task/forgotten.ts': 'export const two = 2;\n',
  })
  const { exitCode, output } = knip(project)
  expect(output).toContain('shared/task/forgotten.ts')
  expect(exitCode).toBe(1)
})

test('reports a package that is imported but not declared, and one that is declared but not imported', () => {
  using project = new PlantedProject({
    'relay/main.ts': "import 'acorn';\n\nprocess.stdout.write('');\n",
  })
  const { exitCode, output } = knip(project)
  expect(output).toMatch(/acorn +relay\/main\.ts/)
  expect(output).toMatch(/^lit +package\.json/m)
  expect(exitCode).toBe(1)
})

function knip(project: PlantedProject) {
  return project.tool('knip/bin/knip.js', '--no-progress')
}
