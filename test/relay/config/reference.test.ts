import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addSettingFlags, flagsGiven } from '../../../relay/config/flags.ts'
import { configurationPage } from '../../../relay/config/reference.ts'
import { settingsOf } from '../../../relay/config/settings.ts'

const page = new URL('../../../docs/configuration.md', import.meta.url)

test('OPS-02 docs/configuration.md is what the settings are (write it with `node scripts/configuration-page.ts`)', async () => {
  expect(await readFile(page, 'utf8')).toBe(configurationPage())
})

test.each(['relay', 'agent'] as const)(
  'OPS-02 every setting of a %s is in --help and comes back from its flag',
  (role) => {
    const settings = settingsOf(role)
    expect(settings.length).toBeGreaterThan(7)
    const command = addSettingFlags(new Command(role), role)
    const help = command.helpInformation()
    for (const { flag } of settings) expect(help).toContain(`--${flag} <`)
    command.parse(
      settings.flatMap(({ flag }, i) => [`--${flag}`, `value ${i}`]),
      { from: 'user' },
    )
    expect(flagsGiven(role, command.opts())).toEqual(
      Object.fromEntries(settings.map(({ flag }, i) => [flag, `value ${i}`])),
    )
  },
)

test('OPS-02 variables are TABMESH_ and the path in capitals, flags the same with dashes', () => {
  const names = settingsOf('relay').map(({ key, variable, flag }) => `${key} ${variable} ${flag}`)
  expect(names).toContain('libp2pPort TABMESH_LIBP2P_PORT libp2p-port')
  expect(names).toContain('storage.connectionsMax TABMESH_STORAGE_CONNECTIONS_MAX storage-connections-max')
})
