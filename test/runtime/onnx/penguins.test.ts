import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { readPenguins, trainPenguins } from '../../../scripts/penguins-model.ts'
import { programKind } from '../../../shared/runtime/program-kind.ts'
import { onnxRuntime } from '../../support/onnx-runtime.ts'
import { runOf } from '../../support/program-run.ts'

const root = new URL('../../../', import.meta.url)
const onnx = new Uint8Array(await readFile(new URL('programs/onnx/penguins.onnx', root)))
const data = await readFile(new URL('node_modules/vega-datasets/data/penguins.json', root), 'utf8')
const trained = trainPenguins(readPenguins(data))

interface Answer {
  readonly species: { readonly data: readonly string[] }
  readonly class: { readonly data: readonly number[] }
  readonly probabilities: { readonly shape: readonly number[]; readonly data: readonly number[] }
}

async function ask(input: unknown): Promise<Answer> {
  const result = await (await onnxRuntime()).run(runOf(onnx, input))
  if (result.kind !== 'ok') throw new Error(JSON.stringify(result))
  return JSON.parse(new TextDecoder().decode(result.output))
}

describe('TSK-02 the penguins model', () => {
  test('is made again byte for byte by its training', () => {
    expect(Buffer.from(trained.onnx).equals(Buffer.from(onnx))).toBe(true)
    expect(programKind(onnx)).toBe('onnx')
  })

  test('tells more than 95 % of the penguins that it was not trained on, in the engine as in training', async () => {
    const { heldOut, accuracy } = trained
    const { species } = await ask(heldOut.map(({ measurements }) => measurements))
    const right = heldOut.filter((one, at) => species.data[at] === one.species).length
    expect(heldOut.length).toBeGreaterThan(100)
    expect(accuracy.heldOut).toBeGreaterThan(0.95)
    expect(right / heldOut.length).toBe(accuracy.heldOut)
  })

  test('answers every item of the example with names, classes and probabilities', async () => {
    const items: unknown[] = JSON.parse(
      await readFile(new URL('programs/onnx/penguins-input.json', root), 'utf8'),
    )
    const answers = await Promise.all(items.map(ask))
    expect(answers.flatMap(({ species }) => species.data)).toEqual([
      'Adelie',
      'Adelie',
      'Chinstrap',
      'Chinstrap',
      'Gentoo',
      'Gentoo',
      'Adelie',
      'Chinstrap',
      'Gentoo',
    ])
    for (const { species, class: classes, probabilities } of answers) {
      expect(probabilities.shape).toEqual([species.data.length, 3])
      for (const [at, index] of classes.data.entries()) {
        const row = probabilities.data.slice(3 * at, 3 * at + 3)
        expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5)
        expect(row.indexOf(Math.max(...row))).toBe(index)
      }
    }
  })

  test('leaves out penguins that lack a measurement', () => {
    const rows = JSON.parse(data)
    expect(rows.length).toBe(344)
    expect(readPenguins(data).length).toBe(342)
  })
})
