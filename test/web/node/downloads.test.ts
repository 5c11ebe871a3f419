import { expect, test } from 'vitest'
import type { Hash } from '../../../shared/kernel/ids.ts'
import { Downloads } from '../../../web/node/downloads.ts'

const model = 'aa'.repeat(32) as Hash
const data = 'bb'.repeat(32) as Hash
const own = 'cc'.repeat(32) as Hash
const mb = 2 ** 20

function start() {
  const told = { changes: 0, now: 1_000 }
  const downloads = new Downloads({
    wantedAs: (hash) => (hash === model ? 'program' : hash === data ? 'input' : undefined),
    onnxBytes: 14 * mb,
    changed: () => {
      told.changes++
    },
    clock: () => told.now,
  })
  return { downloads, told }
}

test('WEB-01 a program and its input are told while they come, and not when they are here', () => {
  const { downloads, told } = start()
  downloads.blob({ hash: model, receivedBytes: 12 * mb, totalBytes: 50 * mb })
  downloads.blob({ hash: data, receivedBytes: mb, totalBytes: 2 * mb })
  expect(downloads.all).toEqual([
    { what: 'program', receivedBytes: 12 * mb, totalBytes: 50 * mb },
    { what: 'input', receivedBytes: mb, totalBytes: 2 * mb },
  ])
  downloads.blob({ hash: model, receivedBytes: 50 * mb, totalBytes: 50 * mb })
  downloads.blob({ hash: data, receivedBytes: 2 * mb, totalBytes: 2 * mb })
  expect(downloads.all).toEqual([])
  expect(told.changes).toBe(4)
})

test('WEB-01 neither small blobs nor those of the tab’s own jobs are told', () => {
  const { downloads, told } = start()
  downloads.blob({ hash: model, receivedBytes: 1_000, totalBytes: 500 * 1024 })
  downloads.blob({ hash: own, receivedBytes: mb, totalBytes: 50 * mb })
  expect(downloads.all).toEqual([])
  expect(told.changes).toBe(0)
})

test('WEB-01 the engine for models is told until it is here or broke off, the other one never', () => {
  const { downloads } = start()
  downloads.engine({ engine: 'guests', receivedBytes: 1_000, isOver: false })
  expect(downloads.all).toEqual([])
  downloads.engine({ engine: 'onnx', receivedBytes: 5 * mb, isOver: false })
  expect(downloads.all).toEqual([{ what: 'onnxEngine', receivedBytes: 5 * mb, totalBytes: 14 * mb }])
  downloads.engine({ engine: 'onnx', receivedBytes: 5 * mb, isOver: true })
  expect(downloads.all).toEqual([])
})

test('WEB-01 what stands still is not told any more, and again when it goes on', () => {
  const { downloads, told } = start()
  downloads.blob({ hash: model, receivedBytes: mb, totalBytes: 50 * mb })
  told.now += 20_000
  expect(downloads.all).toEqual([])
  downloads.blob({ hash: model, receivedBytes: 2 * mb, totalBytes: 50 * mb })
  expect(downloads.all).toHaveLength(1)
})
