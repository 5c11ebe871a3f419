import { type Command, Option } from 'commander'
import { expectationOf, type Role, type Setting, settingsOf } from './settings.ts'

/** One flag for every setting, as texts: loadSettings checks them with those of the other sources. */
export function addSettingFlags(command: Command, role: Role): Command {
  for (const setting of settingsOf(role)) {
    command.addOption(new Option(`--${setting.flag} <${placeholder(setting)}>`, describe(setting)))
  }
  return command.option('--config <file>', 'configuration file (default: config.yaml in the data folder)')
}

/** What the flags were given, by their names without dashes. */
export function flagsGiven(
  role: Role,
  options: Readonly<Record<string, unknown>>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    settingsOf(role).map(({ flag }) => [flag, options[camel(flag)] as string | undefined]),
  )
}

function describe({ schema }: Setting): string {
  const limits = schema.anyOf === undefined ? '' : `: ${expectationOf(schema).replace('one of ', '')}`
  const fallback = schema.default === undefined ? '' : ` (default: ${schema.default})`
  return `${schema.description.replaceAll('`', '')}${limits}${fallback}`
}

const placeholder = ({ schema, flag }: Setting): string =>
  schema.type === 'integer' ? 'n' : (flag.split('-').at(-1) ?? 'text')

const camel = (flag: string): string =>
  flag.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
