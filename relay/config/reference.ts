import { expectationOf, type Role, type Setting, settingsOf } from './settings.ts'

/** docs/configuration.md, written from the schema. */
export function configurationPage(): string {
  return `# Configuration

<!-- Written by \`node scripts/configuration-page.ts\`; a test fails when it is out of date. -->

A setting of a relay or an agent can stand in three places, and the later wins:

1. \`config.yaml\` in its data folder (\`~/.tabmesh/relay\`, \`~/.tabmesh/agent-1\`, \`~/.tabmesh/client\`), or the file that \`--config FILE\` names;
2. the environment;
3. a flag.

What is misspelt or out of range is refused before anything starts, with the key, the value, where it stands and what was
expected, and exit code 2. Sizes and times have their unit in their name.

Settings are read at the start. On SIGHUP a running relay or agent reads them again and takes over what is marked ↻; of
anything else that changed it says that it waits for the next start. What is wrong is said and leaves all as it was. With
\`npm start\`, or where a terminal is at hand: \`kill -HUP PID\`; SIGHUP to \`npm start\` outside a terminal goes to all it runs.

\`\`\`yaml
# ~/.tabmesh/relay/config.yaml
port: 8080
storage:
  kind: redis
  url: redis://:PASSWORD@localhost:6379
\`\`\`

\`\`\`sh
npm run -s tabmesh -- relay --config relay.yaml
TABMESH_STORAGE_KIND=postgres TABMESH_STORAGE_URL=postgres://me:secret@localhost/tabmesh npm run -s tabmesh -- relay
\`\`\`

${roleSection('relay', 'A relay')}
${roleSection('agent', 'An agent')}
${roleSection('client', 'The commands that submit work')}
## Beside these

| flag | variable | |
|---|---|---|
| \`--data DIR\` | \`TABMESH_HOME\` | where the data folders are: \`~/.tabmesh\` |
| \`--name NAME\` | \`TABMESH_NAME\` | an agent's folder there: \`agent-1\` |
| | \`TABMESH_PASSPHRASE\` | opens the identity's key, where it is kept under one |

## Where state is kept

| \`storage.kind\` | keeps | and |
|---|---|---|
| \`sqlite\` | \`state.sqlite\`, write-ahead log, synced at every commit | the default of a relay |
| \`files\` | \`state/KEY.json\`: key, CRC-32 and value (base64) of one row; \`.journal\` has what is not there yet | the default of an agent, which has few rows |
| \`redis\` | hash \`{tabmesh}:rows\` and sorted set \`{tabmesh}:names\` | set \`appendonly yes\`, \`appendfsync always\`, \`maxmemory-policy noeviction\`; the relay warns otherwise |
| \`postgres\` | schema \`tabmesh\`, made at the first start | Supabase too, by its connection string; over TLS with \`?sslmode=verify-full&sslrootcert=FILE\` |

On a server each relay has its rows under \`relay/PEER_ID/\`. Only one process writes them: its lease is checked in the
very step that writes. A lost connection is tried again three times, after 0.5, 1 and 2 s; then the relay ends with code 1
rather than go on without its state. Programs, inputs and outputs are in \`blobs/\` of the data folder in any case.

## Several relays

Relays with the same \`storage.url\` are one network, and take over the tasks of one that dies: [how to run several](several-relays.md).
`
}

function roleSection(role: Role, title: string): string {
  const rows = settingsOf(role).map(
    (setting) =>
      `| \`${setting.key}\`${setting.schema.live ? ' ↻' : ''} | ${fallbackOf(setting)} | ${setting.schema.description}; ${expectationOf(setting.schema)} | \`--${setting.flag}\` | \`${setting.variable}\` |`,
  )
  return `## ${title}

| key | default | | flag | variable |
|---|---|---|---|---|
${rows.join('\n')}
`
}

function fallbackOf({ schema, isRequired }: Setting): string {
  if (isRequired) return 'required'
  return schema.default === undefined ? '' : `\`${schema.default}\``
}
