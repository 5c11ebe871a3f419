import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Command, type Option } from 'commander'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addClientCommands } from '../../../relay/cli/client-commands.ts'
import { addNodeCommands } from '../../../relay/cli/node-commands.ts'
import { propertyRuns } from '../../support/property-runs.ts'
import { type CliFixture, type Run, startCli } from './cli-fixture.ts'

/** No call of these takes longer; in ms. */
const callMsMax = 30_000

let cli: CliFixture
let relays: string[]
const servers: Server[] = []

beforeAll(async () => {
  cli = await startCli()
  await makeFiles()
  const answers: RequestListener[] = [
    (_, response) => response.setHeader('content-type', 'text/html').end('<h1>It works!</h1>'),
    (_, response) => response.setHeader('content-type', 'application/json').end('{}'),
    (_, response) => response.setHeader('content-type', 'application/json').end('null'),
    (_, response) => response.writeHead(500).end('\u001b[2J\nat Object.<anonymous> (server.js:1:1)'),
    (request) => request.socket.destroy(),
    (request, response) => response.writeHead(302, { location: request.url ?? '/' }).end(),
    twisted(),
  ]
  for (const answer of answers) {
    const server = createServer(answer)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.push(server)
  }
  const urls = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  relays = [
    ...[cli.server.url, ...urls, urls.slice(0, 4).join(','), `${urls[1]},${cli.server.url}`],
    ...[
      'http://127.0.0.1:1',
      'https://127.0.0.1:1',
      'ftp://127.0.0.1',
      'http://',
      'http://[::1',
      'localhost',
    ],
    ...['http://user:secret@127.0.0.1:1/a?b#c', '', ',', 'javascript:alert(1)', `${cli.server.url}/page`],
  ]
})
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  await cli.close()
})

/** Says truly which network it is, and nothing else that makes sense. */
function twisted(): RequestListener {
  let turn = 0
  const id = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'
  const answers = [
    ...['', '[]', '{"items":[]}', '{"items":[null]}', '"text"', '{"status":{}}', '{', '-1', 'true'],
    ...[`{"taskId":"${id}","status":"completed"}`, `{"jobId":"${id}"}`, '{"taskId":1,"status":null}'],
    '{"index":0,"taskId":"x","status":"completed","output":1}\n',
    `{"index":-1,"taskId":"${id}","status":"failed","error":null}\n`,
  ]
  return async (request, response) => {
    const isNetwork = request.url === '/api/v1/network'
    const body = isNetwork
      ? await (await fetch(`${cli.server.url}/api/v1/network`)).text()
      : answers[turn++ % answers.length]!
    response.setHeader('content-type', 'application/json').end(body)
  }
}

const files = [
  ...['missing', 'folder', 'empty', 'binary', 'huge', 'dangling', 'circle', 'program.js/below', 'deep.json'],
  ...[
    'program.js',
    'rows.csv',
    'receipt.json',
    'results.txt',
    'module.wasm',
    'a\nb',
    '',
    '.',
    'n'.repeat(300),
  ],
  ...['/dev/null', '/dev/full', '/proc/self/mem', 'keys.json', 'new-1', 'folder/new-2'],
]

async function makeFiles(): Promise<void> {
  await mkdir(join(cli.folder, 'folder'))
  await cli.file('empty', '')
  await cli.file(
    'binary',
    Uint8Array.from({ length: 5_000 }, (_, at) => (at * 167) % 256),
  )
  await cli.file('huge', 'x')
  await truncate(join(cli.folder, 'huge'), 3 * 1024 ** 3)
  await symlink('nowhere', join(cli.folder, 'dangling'))
  await symlink('circle', join(cli.folder, 'circle'))
  await cli.file('deep.json', '['.repeat(200_000))
  await cli.file('rows.csv', 'a,b\n1,"2"\n3,4\n')
  await cli.file('module.wasm', Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 255))
  await cli.file('keys.json', '["no key"]')
  const good = [
    'submit',
    '--type',
    'javascript',
    '--program',
    'program.js',
    '--input',
    'rows.csv',
    '--map',
    'csv',
  ]
  const { code, stdout } = await cli.tabmesh([...good, '--receipt', 'receipt.json', '--json'])
  expect(code).toBe(0)
  await writeFile(join(cli.folder, 'results.txt'), stdout)
}

/** All commands as they are, and what the two that serve were about to run with. */
function allCommands(): Command {
  const program = new Command()
  const never = () => expect.fail('is only looked at')
  addClientCommands(program, { io: undefined as never, stop: never, ended: never })
  addNodeCommands(program, { relay: never, agent: never })
  return program
}

const oddTexts = [
  '',
  '-',
  '--',
  '-1',
  '__proto__',
  'constructor',
  'a\nb',
  '\u001b[31m',
  '\u202e',
  '日本',
  ' ',
  '0',
]
const numbers = ['0', '1', '-1', '1.5', '1e3', '0x10', 'NaN', 'Infinity', '９', '99999999999999999999', '']
const ids = ['6f9619ff-8b86-4d01-b42d-00cf4fc964ff', '6f9619ff', '../../etc/passwd', '%00', 'x'.repeat(5_000)]

const anyText = fc.oneof(fc.constantFrom(...oddTexts, ...ids), fc.string({ unit: 'grapheme', maxLength: 20 }))
const anyFile = fc.constantFrom(...files)
const anyNumber = fc.oneof(fc.constantFrom(...numbers), fc.integer().map(String))

const anyRelay = fc.nat().map((n) => relays[n % relays.length]!)

/** What is given for an option: mostly of its kind, so that a call gets further than to its first word. */
function anyValueOf(option: Option): fc.Arbitrary<string> {
  const fitting =
    option.argChoices !== undefined
      ? fc.constantFrom(...option.argChoices)
      : option.long === '--relay'
        ? anyRelay
        : option.long === '--type'
          ? fc.constantFrom('javascript', 'wasi', 'text_processing', 'none')
          : ['<file>', '<program>', '<dir>'].some((kind) => option.flags.endsWith(kind))
            ? anyFile
            : anyNumber
  return fc.oneof({ weight: 9, arbitrary: fitting }, { weight: 1, arbitrary: anyText })
}

function wordsOf(option: Option): fc.Arbitrary<string[]> {
  const name = option.long!
  if (!option.required) return fc.constant<string[]>([name])
  return fc.oneof(
    { weight: 12, arbitrary: anyValueOf(option).map((value) => [name, value]) },
    { weight: 3, arbitrary: anyValueOf(option).map((value) => [`${name}=${value}`]) },
    { weight: 1, arbitrary: fc.constant<string[]>([name]) },
  )
}

/** What runs would take seconds: whether it is run is another test's. */
const noProgram = fc.constantFrom(...files.filter((name) => !/\.|binary|empty|huge|null|rows/.test(name)))

function argumentOf(command: Command): fc.Arbitrary<string> {
  if (command.name() === 'check-program') return noProgram
  return command.name() === 'verify' ? anyFile : anyText
}

/** A call of the command: what it asks for, mostly, some of its options, and now and then something else. */
function callOf(command: Command): fc.Arbitrary<string[]> {
  const required = command.options.filter((option) => option.mandatory)
  const others = command.options.filter((option) => !option.mandatory)
  return fc
    .tuple(
      ...command.registeredArguments.map(() => argumentOf(command).map((word) => [word])),
      ...required.map((option) =>
        fc.oneof({ weight: 15, arbitrary: wordsOf(option) }, { weight: 1, arbitrary: fc.constant([]) }),
      ),
      fc
        .subarray(others, { maxLength: Math.min(5, others.length) })
        .chain((some) => fc.tuple(...some.map(wordsOf)).map((words) => words.flat())),
      fc.oneof(
        { weight: 12, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: anyText.map((word) => [word]) },
      ),
    )
    .map((parts) => [command.name(), ...parts.flat()])
}

const isJson = (words: readonly string[]): boolean => words.includes('--json')

function expectClear({ code, out, err, stdout, stderr }: Run, words: readonly string[]): void {
  expect([0, 1, 2]).toContain(code)
  const said = stdout + stderr
  expect(said).not.toMatch(/^\s+at .*[:(]|node:internal|\[object |TypeError|ReferenceError|undefined/m)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not reach a terminal.
  expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/)
  if (code === 1) expect(said).not.toBe('')
  if (code !== 2) return
  expect(stdout).toBe('')
  expect(out).toEqual([])
  expect(err[0]).toMatch(/^tabmesh: ./)
  if (!isJson(words)) return expect(err).toHaveLength(1)
  expect(err).toHaveLength(2)
  const { error } = JSON.parse(err[1]!)
  expect(error).toEqual({ code: expect.stringMatching(/^[A-Z]\w+$/), message: expect.stringMatching(/./) })
}

async function inTime(run: Promise<Run>, words: readonly string[]): Promise<Run> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs: ${words.join(' ')}`)), callMsMax)
  })
  return await Promise.race([run, late]).finally(() => clearTimeout(timer))
}

/** A relay that is away is not waited for. */
const hurried = (command: Command, words: readonly string[]): readonly string[] =>
  command.options.some(({ long }) => long === '--wait') ? [...words, '--wait', '0'] : words

describe('WEB-08 whatever a command is called with, it ends with 0, 1 or 2 and says in one line what is wrong', () => {
  const commands = allCommands().commands.filter((command) => !['relay', 'agent'].includes(command.name()))

  test.each(commands.map((command) => [command.name(), command] as const))(
    '%s',
    async (name, command) => {
      const usual = name === 'verify' ? 30 : 60
      await fc.assert(
        fc.asyncProperty(callOf(command), fc.uint8Array({ maxLength: 200 }), async (words, stdin) => {
          const call = hurried(command, words)
          expectClear(await inTime(cli.tabmesh(call, { stdin: [stdin] }), call), call)
          await cli.file('program.js', 'export default (x) => x')
        }),
        propertyRuns(usual),
      )
    },
    60_000,
  )

  test('any words at all', async () => {
    const words = fc.array(
      fc.oneof(anyText, anyFile, fc.constantFrom('--json', '--help', 'status', 'verify')),
      { maxLength: 4 },
    )
    await fc.assert(
      fc.asyncProperty(words, async (call) => {
        const run = await inTime(cli.tabmesh(call), call)
        expect([0, 1, 2]).toContain(run.code)
        expect(run.stdout + run.stderr).not.toMatch(/^\s+at .*[:(]|node:internal|TypeError/m)
      }),
      propertyRuns(200),
    )
  })
})

describe('WEB-08 a misspelt option is said, not that it is missing', () => {
  test.each([
    [['submit', '--typ', 'javascript'], /unknown option '--typ' \(Did you mean --type\?\)/],
    [
      ['map', '--type', 'javascript', '--progam', 'f.js'],
      /unknown option '--progam' \(Did you mean --program\?\)/,
    ],
    [['verify', 'receipt.json', '--jsn'], /unknown option '--jsn' \(Did you mean --json\?\)/],
    [['submit', '--type', 'javascript'], /required option '--program <program>' not specified/],
  ])('%j', async (words, message) => {
    const { code, err } = await cli.tabmesh(words)
    expect([code, err.length]).toEqual([2, 1])
    expect(err[0]).toMatch(message)
  })

  test('help is given all the same', async () => {
    const { code, stdout } = await cli.tabmesh(['submit', '--typ', '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Usage: tabmesh submit')
  })
})
