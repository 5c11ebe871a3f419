import { describe, expect, test } from 'vitest'
import { onnxRuntime } from '../../support/onnx-runtime.ts'
import { runOf } from '../../support/program-run.ts'
import { digest, onnxCorpus } from './corpus.ts'
import { onnxDigests } from './corpus-digests.ts'

describe('SBX-04 models give the bytes that are on record, cold and warm', () => {
  test.each(onnxCorpus.map((one) => [one.name, one] as const))(
    '%s',
    async (name, { program, input, limits }) => {
      const runtime = await onnxRuntime()
      const run = runOf(program, input, limits === undefined ? {} : { limits })
      const cold = await runtime.run(run)
      expect(digest(cold)).toBe(onnxDigests[name])
      expect(await runtime.run(run)).toEqual(cold)
      await runtime.prepare(run)
      expect(await runtime.run(run)).toEqual(cold)
    },
  )

  test('every case is on record, and has a name of its own', () => {
    expect(onnxCorpus.map(({ name }) => name).sort()).toEqual(Object.keys(onnxDigests).sort())
  })
})
