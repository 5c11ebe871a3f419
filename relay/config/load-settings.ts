import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import { StartError } from '../data-folder.ts'
import {
  type AgentSettings,
  type ClientSettings,
  expectationOf,
  type RelaySettings,
  type Role,
  type Setting,
  settingsOf,
  settingsSchemas,
} from './settings.ts'

export interface SettingsSources {
  /** Values of flags as typed, by flag name without dashes. */
  readonly flags: Readonly<Record<string, string | undefined>>
  readonly env: NodeJS.ProcessEnv
  /** `--config`: must exist. */
  readonly file: string | undefined
  /** Where config.yaml is looked for otherwise. */
  readonly dataFolder: string
}

interface Given {
  readonly value: unknown
  /** For messages: where it was written. */
  readonly where: string
}

/** Read by other parts of the program, its build and its tests. */
const otherVariables = new Set(
  ['HOME', 'NAME', 'PASSPHRASE', 'CHROMIUM', 'RECORD', 'ROWS', 'RUNS', 'SEED', 'SEEDS', 'VERSION'].map(
    (name) => `TABMESH_${name}`,
  ),
)

/**
 * OPS-02: file, environment and flags, later wins. Rejects with a StartError of exit code 2 that names the key, the
 * value, where it stands and what was expected; values marked secret are not shown.
 */
export async function loadSettings(role: 'relay', sources: SettingsSources): Promise<RelaySettings>
export async function loadSettings(role: 'agent', sources: SettingsSources): Promise<AgentSettings>
export async function loadSettings(role: 'client', sources: SettingsSources): Promise<ClientSettings>
export async function loadSettings(
  role: Role,
  sources: SettingsSources,
): Promise<RelaySettings | AgentSettings | ClientSettings> {
  const settings = settingsOf(role)
  refuseUnknownVariables(sources.env)
  const given = new Map([
    ...(await fromFile(role, settings, sources)),
    ...fromTexts(settings, (setting) => [sources.env[setting.variable], setting.variable]),
    ...fromTexts(settings, (setting) => [sources.flags[setting.flag], `--${setting.flag}`]),
  ])
  for (const setting of settings) check(setting, given.get(setting.key))
  checkStorage(given)
  return assemble(role, settings, given)
}

async function fromFile(
  role: Role,
  settings: readonly Setting[],
  { file, dataFolder, env }: SettingsSources,
): Promise<Map<string, Given>> {
  const path = file === undefined ? join(dataFolder, 'config.yaml') : resolve(env['INIT_CWD'] ?? '.', file)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // What is wrong with the data folder itself is said when it is opened.
    if ((code === 'ENOENT' || code === 'ENOTDIR') && file === undefined) return new Map()
    const reason = code === 'ENOENT' ? 'there is no such file' : message
    throw new StartError(`The configuration file ${path} cannot be read: ${reason}`, 2, error)
  }
  const found = new Map<string, Given>()
  gather(parsed(text, path), [], path, { role, settings, found })
  return found
}

function parsed(text: string, path: string): unknown {
  try {
    return parse(text) ?? {}
  } catch (error) {
    // Its first line says what and where; the lines behind it quote the file, which may hold a password.
    const [reason] = (error as Error).message.split('\n')
    throw new StartError(`The configuration file ${path} is not YAML: ${reason}`, 2)
  }
}

interface Gathering {
  readonly role: Role
  readonly settings: readonly Setting[]
  readonly found: Map<string, Given>
}

function gather(value: unknown, above: readonly string[], path: string, into: Gathering): void {
  const group = above.join('.')
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const what = group === '' ? `The configuration file ${path}` : `${group} in ${path}`
    throw new StartError(`${what} is not a mapping of keys to values`, 2)
  }
  for (const [name, inner] of Object.entries(value)) {
    const key = [...above, name].join('.')
    const known = into.settings.filter(({ path: names }) => above.every((each, i) => names[i] === each))
    const isSetting = ({ path: names }: Setting): boolean =>
      names.length === above.length + 1 && names.at(-1) === name
    if (known.some(isSetting)) into.found.set(key, { value: inner, where: path })
    else if (known.some(({ path: names }) => names[above.length] === name))
      gather(inner, [...above, name], path, into)
    else {
      const names = [...new Set(known.map(({ path: each }) => each[above.length]))].join(', ')
      const place = group === '' ? `of a ${into.role}` : `under ${group}`
      throw new StartError(`${key} in ${path} is no setting: expected one of ${names} ${place}`, 2)
    }
  }
}

function fromTexts(
  settings: readonly Setting[],
  textOf: (setting: Setting) => readonly [string | undefined, string],
): [string, Given][] {
  return settings.flatMap((setting): [string, Given][] => {
    const [text, where] = textOf(setting)
    if (text === undefined) return []
    const isNumber = setting.schema.type === 'integer' && /^-?\d+$/.test(text)
    return [[setting.key, { value: isNumber ? Number(text) : text, where }]]
  })
}

function check(setting: Setting, given: Given | undefined): void {
  const { key, schema, isRequired, flag, variable } = setting
  if (given === undefined) {
    if (!isRequired) return
    throw new StartError(
      `${key} is missing: expected ${expectationOf(schema)}, by --${flag}, ${variable} or ${key} in config.yaml`,
      2,
    )
  }
  if (Value.Check(schema as never, given.value)) return
  const shown = schema.secret ? '(not shown)' : JSON.stringify(given.value)
  throw new StartError(`${key} is ${shown} (${given.where}): expected ${expectationOf(schema)}`, 2)
}

/** A server without its address, an address without its server: either would keep the state in the wrong place. */
function checkStorage(given: ReadonlyMap<string, Given>): void {
  const kind = given.get('storage.kind')
  const url = given.get('storage.url')
  const schemes = { redis: 'redis', postgres: 'postgres' }[String(kind?.value)]
  if (schemes === undefined) {
    if (url === undefined) return
    throw new StartError(
      `storage.url is given (${url.where}), but storage.kind is ${JSON.stringify(kind?.value ?? 'the default')}: expected storage.kind redis or postgres, or no storage.url`,
      2,
    )
  }
  if (url === undefined) {
    throw new StartError(
      `storage.url is missing: storage.kind is ${JSON.stringify(kind?.value)} (${kind?.where}), expected the server's address, ${schemes}://…`,
      2,
    )
  }
  if (!URL.canParse(String(url.value))) {
    throw new StartError(
      `storage.url is (not shown) (${url.where}): expected an address; / ? # @ in a password are written %2F %3F %23 %40`,
      2,
    )
  }
  if (!String(url.value).startsWith(schemes)) {
    throw new StartError(
      `storage.url is (not shown) (${url.where}): expected ${schemes}://…, as storage.kind is ${JSON.stringify(kind?.value)}`,
      2,
    )
  }
}

function assemble(
  role: Role,
  settings: readonly Setting[],
  given: ReadonlyMap<string, Given>,
): RelaySettings | AgentSettings | ClientSettings {
  const whole: Record<string, unknown> = {}
  for (const { key, path, schema } of settings) {
    const value = given.get(key)?.value ?? schema.default
    const group = path.slice(0, -1).reduce<Record<string, unknown>>((at, name) => {
      at[name] ??= {}
      return at[name] as Record<string, unknown>
    }, whole)
    if (value !== undefined) group[path.at(-1)!] = value
  }
  return Value.Parse(settingsSchemas[role] as never, whole) as RelaySettings | AgentSettings | ClientSettings
}

/** A setting that is misspelt must not go unnoticed. Those of another role may stand in one environment with ours. */
function refuseUnknownVariables(env: NodeJS.ProcessEnv): void {
  const roles = Object.keys(settingsSchemas) as Role[]
  const known = new Set(roles.flatMap((role) => settingsOf(role).map(({ variable }) => variable)))
  const unknown = Object.keys(env).find(
    (name) => name.startsWith('TABMESH_') && !known.has(name) && !otherVariables.has(name),
  )
  if (unknown === undefined) return
  throw new StartError(
    `${unknown} in the environment is no setting: expected one of ${[...known].join(', ')}`,
    2,
  )
}
