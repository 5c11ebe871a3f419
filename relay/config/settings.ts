import { type Static, Type } from 'typebox'
import { defaultBlobLimits } from '../../shared/storage/blob-store.ts'
import { dayMs, retentionMs } from '../storage/blob-retention.ts'
import { count, strict, tasks } from './task-settings.ts'

/*
 * Every setting of a relay and of an agent, once. Flags, environment, file, checks and docs/configuration.md follow from
 * this. Units stand last in names. `secret` keeps a value out of every message; `live` is taken over while a node runs.
 */

const TiB = 2 ** 40

const choice = <const T extends string>(
  values: readonly T[],
  options: { default: T; description: string; live?: true },
) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    options,
  ) as unknown as ReturnType<typeof Type.Unsafe<T>>

const storage = (kind: 'files' | 'sqlite') =>
  Type.Object(
    {
      kind: choice(['files', 'sqlite', 'redis', 'postgres'], {
        default: kind,
        description: 'where state is kept; Supabase is `postgres`',
      }),
      url: Type.Optional(
        Type.String({
          pattern: '^(rediss?|postgres(ql)?)://.',
          secret: true,
          example: 'redis://:PASSWORD@HOST:6379 or postgres://USER:PASSWORD@HOST:5432/DATABASE',
          description:
            'address of the Redis or PostgreSQL server; others can see flags, so use the file or the environment',
        }),
      ),
      directory: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'folder of `files` and `sqlite`, from the data folder (default: the data folder itself)',
        }),
      ),
      connectionsMax: count(1, 100, 4, 'connections to the server at a time'),
      retriesMax: count(
        0,
        10,
        3,
        'times that a server that does not answer is asked again, after 0.5, 1, 2 … s',
      ),
    },
    strict,
  )

const totalBytesMax = Type.Integer({
  live: true,
  minimum: 128 * 2 ** 20,
  maximum: 16 * TiB,
  default: defaultBlobLimits.totalBytesMax,
  description: 'room for programs, inputs and outputs, in bytes',
})

const log = choice(['debug', 'info', 'warn', 'error', 'silent'], {
  live: true,
  default: 'info',
  description: 'the least level that is logged, one JSON object a line, to stderr',
})

const drainSeconds = Type.Integer({
  live: true,
  minimum: 0,
  maximum: 3_600,
  default: 30,
  description: 'seconds that work under way is given to finish when the process is told to end',
})

const relaySchema = Type.Object(
  {
    port: Type.Integer({
      minimum: 0,
      maximum: 65_535,
      default: 8080,
      description: 'HTTP port; 0 is any free one',
    }),
    host: Type.String({ minLength: 1, default: '127.0.0.1', description: 'IP address to listen on' }),
    publicUrl: Type.Optional(
      Type.String({
        pattern: '^https?://.',
        example: 'https://relay.example.org',
        description: 'how others reach this relay, as behind a proxy (default: the address listened on)',
      }),
    ),
    allowOrigin: Type.Optional(
      Type.String({
        pattern: String.raw`^(\*|https?://[^\s,/]+(,https?://[^\s,/]+)*)$`,
        example: 'https://app.example,https://other.example',
        description:
          'origins whose pages may use the API from a browser (CORS), with commas; `*` is any (default: none)',
      }),
    ),
    libp2pPort: Type.Integer({
      minimum: 0,
      maximum: 65_535,
      default: 9000,
      description: 'libp2p TCP port; WebSocket takes the next; each tries up to five more when taken',
    }),
    maxPeers: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      default: 2_000,
      description: 'tabs and agents at a time',
    }),
    storage: storage('sqlite'),
    blobs: Type.Object(
      {
        totalBytesMax,
        retentionDays: Type.Integer({
          live: true,
          minimum: 1,
          maximum: 3_650,
          default: retentionMs / dayMs,
          description: 'days that programs, inputs and outputs are kept after their last use',
        }),
      },
      strict,
    ),
    fleet: Type.Object(
      {
        leaseSeconds: Type.Integer({
          minimum: 2,
          maximum: 600,
          default: 15,
          description: 'a relay of a fleet that shows no sign of life for so long has its tasks taken over',
        }),
        blobBytesMax: Type.Integer({
          minimum: 64 * 2 ** 20,
          maximum: 16 * TiB,
          default: 2 ** 30,
          description: 'room for blobs in the store that a fleet shares, in bytes; with Redis, of its memory',
        }),
      },
      strict,
    ),
    tasks,
    drainSeconds,
    log,
  },
  strict,
)

const agentSchema = Type.Object(
  {
    relay: Type.String({
      pattern: '^https?://.',
      example: 'http://localhost:8080',
      description: 'the relay, as its page is called',
    }),
    slots: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 256,
        description: 'programs at a time (default: half the threads)',
      }),
    ),
    storage: storage('files'),
    blobs: Type.Object({ totalBytesMax }, strict),
    drainSeconds,
    log,
  },
  strict,
)

/** Of the commands that submit work and ask for it. */
const clientSchema = Type.Object(
  {
    relay: Type.Optional(
      Type.String({
        pattern: '^https?://.',
        example: 'http://localhost:8080',
        description: 'the relay, as its page is called; several with commas, tried in turn',
      }),
    ),
  },
  strict,
)

export const settingsSchemas = { relay: relaySchema, agent: agentSchema, client: clientSchema } as const
export type Role = keyof typeof settingsSchemas
export type RelaySettings = Static<typeof relaySchema>
export type AgentSettings = Static<typeof agentSchema>
export type ClientSettings = Static<typeof clientSchema>
export interface RoleSettings {
  readonly relay: RelaySettings
  readonly agent: AgentSettings
  readonly client: ClientSettings
}
export type StorageSettings = RelaySettings['storage']

/** The parts of a JSON schema that a single setting is described by. */
export interface SettingSchema {
  readonly type?: string
  readonly anyOf?: readonly { readonly const: string }[]
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly minLength?: number
  readonly default?: string | number
  readonly description: string
  readonly example?: string
  readonly secret?: true
  /** SIGHUP makes a running node take over a new value. */
  readonly live?: true
}

/** One setting, by all of its names. */
export interface Setting {
  /** `storage.kind`, as the file nests it. */
  readonly key: string
  readonly path: readonly string[]
  /** `TABMESH_STORAGE_KIND` */
  readonly variable: string
  /** `storage-kind`, without the dashes in front. */
  readonly flag: string
  readonly isRequired: boolean
  readonly schema: SettingSchema
}

interface ObjectSchema {
  readonly properties: Readonly<Record<string, SettingSchema | ObjectSchema>>
  readonly required?: readonly string[]
}

/** The settings of a role, in the order they are described in. */
export function settingsOf(role: Role): readonly Setting[] {
  return leavesOf(settingsSchemas[role] as unknown as ObjectSchema, [])
}

function leavesOf({ properties, required = [] }: ObjectSchema, above: readonly string[]): Setting[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = [...above, name]
    if ('properties' in schema) return leavesOf(schema, path)
    const words = path.map(snake).join('_')
    return {
      key: path.join('.'),
      path,
      variable: `TABMESH_${words.toUpperCase()}`,
      flag: words.replaceAll('_', '-'),
      isRequired: required.includes(name) && schema.default === undefined,
      schema,
    }
  })
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** In words, what a setting takes. */
export function expectationOf({ type, anyOf, minimum, maximum, example }: SettingSchema): string {
  if (anyOf !== undefined) return `one of ${anyOf.map((each) => each.const).join(', ')}`
  if (type === 'integer') return `a whole number from ${minimum} to ${maximum}`
  return example === undefined ? 'a text' : `a text like ${example}`
}
