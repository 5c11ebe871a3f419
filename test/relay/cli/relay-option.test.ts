import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { relayOf } from '../../../relay/cli/relay-option.ts'
import { UsageError } from '../../../relay/cli/usage-error.ts'

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'tabmesh-relay-option-'))
})
afterEach(() => rm(data, { recursive: true }))

async function writeConfig(text: string): Promise<void> {
  await mkdir(join(data, 'client'))
  await writeFile(join(data, 'client/config.yaml'), text)
}

test('WEB-08 the relay is the one of the flag, else of the environment, else of the file', async () => {
  await writeConfig('relay: http://file:1\n')
  const env = { TABMESH_RELAY: 'http://environment:2' }
  expect(await relayOf({ relay: 'http://flag:3', data }, env)).toBe('http://flag:3')
  expect(await relayOf({ data }, env)).toBe('http://environment:2')
  expect(await relayOf({ data }, {})).toBe('http://file:1')
})

test('WEB-08 an empty variable is none', async () => {
  await expect(relayOf({ data }, { TABMESH_RELAY: '' })).rejects.toThrow(/^Which relay\?/)
  await writeConfig('relay: http://file:1\n')
  for (const TABMESH_RELAY of ['', ' '])
    expect(await relayOf({ data }, { TABMESH_RELAY })).toBe('http://file:1')
})

test('WEB-08 without any, the error says where one can stand', async () => {
  const failing = relayOf({ data }, {})
  await expect(failing).rejects.toThrow(UsageError)
  const message = await failing.catch((error: Error) => error.message)
  for (const place of ['--relay URL', 'TABMESH_RELAY', join(data, 'client/config.yaml')])
    expect(message).toContain(place)
})

test('OPS-02 what is no address, or no setting, is refused with where it stands', async () => {
  await expect(relayOf({ data }, { TABMESH_RELAY: 'localhost:8080' })).rejects.toThrow(
    'relay is "localhost:8080" (TABMESH_RELAY): expected a text like http://localhost:8080',
  )
  await writeConfig('relais: http://file:1\n')
  await expect(relayOf({ data }, {})).rejects.toThrow(/relais in .*config\.yaml is no setting/)
})
