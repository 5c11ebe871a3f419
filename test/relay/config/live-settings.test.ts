import { beforeEach, describe, expect, test } from 'vitest'
import { LiveSettings } from '../../../relay/config/live-settings.ts'
import { loadSettings } from '../../../relay/config/load-settings.ts'
import type { RelaySettings } from '../../../relay/config/settings.ts'
import { StartError } from '../../../relay/data-folder.ts'

const logged: [string, string, unknown][] = []

beforeEach(() => {
  logged.length = 0
})

const settingsWith = (flags: Readonly<Record<string, string>>): Promise<RelaySettings> =>
  loadSettings('relay', { flags, env: {}, file: undefined, dataFolder: '/nowhere' })

async function liveWith(load: () => Promise<RelaySettings>): Promise<LiveSettings<'relay'>> {
  return new LiveSettings('relay', await settingsWith({}), load, (...line) =>
    logged.push(line as (typeof logged)[number]),
  )
}

describe('OPS-02 settings that are read again', () => {
  test('are taken over where they can be, and told of where they cannot', async () => {
    const live = await liveWith(() =>
      settingsWith({ log: 'debug', 'blobs-retention-days': '3', port: '9999', host: '127.0.0.2' }),
    )
    const applied: unknown[] = []
    await live.reload({
      log: (level) => applied.push(level),
      'blobs.retentionDays': (days) => applied.push(days),
    })
    expect(applied).toEqual([3, 'debug'])
    expect(live.now).toEqual(await settingsWith({ log: 'debug', 'blobs-retention-days': '3' }))
    expect(logged).toEqual([
      ['warn', 'Setting changed, for the next start: port', { value: 9_999 }],
      ['warn', 'Setting changed, for the next start: host', { value: '127.0.0.2' }],
      ['info', 'Setting changed: blobs.retentionDays', { value: 3 }],
      ['info', 'Setting changed: log', { value: 'debug' }],
    ])
  })

  test('that have not changed are said to be so', async () => {
    const live = await liveWith(() => settingsWith({}))
    await live.reload({ log: () => expect.unreachable() })
    expect(logged).toEqual([['info', 'The settings were read again; none has changed']])
  })

  test('that are wrong change nothing, and are named', async () => {
    const live = await liveWith(() => settingsWith({ log: 'loud' }))
    const before = live.now
    await live.reload({ log: () => expect.unreachable() })
    expect(live.now).toBe(before)
    expect(logged).toEqual([
      [
        'error',
        'The settings could not be read again; those from before stay',
        { reason: 'log is "loud" (--log): expected one of debug, info, warn, error, silent' },
      ],
    ])
  })

  test('are read whole or not at all', async () => {
    const live = await liveWith(() => Promise.reject(new StartError('no file', 2)))
    await live.reload({})
    expect(logged[0]).toMatchObject(['error', expect.anything(), { reason: 'no file' }])
  })

  test('tell no secret', async () => {
    const live = await liveWith(() =>
      settingsWith({ 'storage-kind': 'redis', 'storage-url': 'redis://:hunter2@localhost:6379' }),
    )
    await live.reload({})
    expect(logged.map(([, message]) => message)).toEqual([
      'Setting changed, for the next start: storage.kind',
      'Setting changed, for the next start: storage.url',
    ])
    expect(JSON.stringify(logged)).not.toContain('hunter2')
  })

  test('that went back to what the node runs with are no news', async () => {
    const flags = [{ log: 'debug' }, { log: 'debug' }]
    const live = await liveWith(() => settingsWith(flags.shift()!))
    const applied: unknown[] = []
    await live.reload({ log: (level) => applied.push(level) })
    await live.reload({ log: (level) => applied.push(level) })
    expect(applied).toEqual(['debug'])
  })
})
