import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { UsageError } from '../../../relay/cli/usage-error.ts'
import type { LoopbackOptions } from '../http/loopback-relay.ts'
import { type CliFixture, startCli } from './cli-fixture.ts'

let cli: CliFixture
afterEach(() => cli?.close())

const nearby: LoopbackOptions['program'] = (_, item, worker) => Number(item) + worker * 1e-5

test('TSK-09 submit with a tolerance gets results that no two workers gave alike, and verify says so', async () => {
  cli = await startCli({ program: nearby })
  const input = await cli.file('in.json', '[1,2,3]')
  const receipt = join(cli.folder, 'receipt.json')
  const flags = { input, map: 'json', receipt, json: true } as const
  const submitted = await cli.submit({ ...flags, comparator: 'numeric', tolerance: 0.001 })
  expect(submitted.code).toBe(0)
  const output = await cli.file('out.ndjson', submitted.stdout)
  const { code, stdout } = await cli.verify(receipt, { output })
  expect([code, stdout]).toEqual([0, expect.stringMatching(/, policy: 3 numeric \(tolerance 0\.001\)\n$/)])
})

test('TSK-10 without it no two are equal: after three rounds the item has failed', async () => {
  cli = await startCli({ program: nearby, workers: 9 })
  const input = await cli.file('in.json', '[1]')
  const { code, out } = await cli.submit({ input, map: 'json', json: true })
  expect([code, JSON.parse(out[0]!).error.kind]).toEqual([1, 'noQuorum'])
})

test('TSK-09 a policy that is none is refused before anything is read or submitted', async () => {
  cli = await startCli()
  const wrong = cli.submit({ input: '/nowhere', comparator: 'numeric' })
  await expect(wrong).rejects.toThrow(UsageError)
  await expect(wrong).rejects.toThrow(/--comparator numeric: say with --tolerance/)
  expect(cli.relay.submitted).toEqual([])
})
