import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { onnxDigests } from '../runtime/onnx/corpus-digests.ts'

const script = fileURLToPath(new URL('../runtime/onnx/print-digests.ts', import.meta.url))

test.each([
  ['the fast compiler', '--liftoff-only'],
  ['the optimising compiler', '--no-liftoff'],
])('SBX-02 models give the same bytes by %s', async (_, flag) => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    flag,
    '--disable-warning=ExperimentalWarning',
    script,
  ])
  expect(JSON.parse(stdout)).toEqual(onnxDigests)
})
