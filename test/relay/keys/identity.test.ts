import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type IdentityInit, loadOrCreateIdentity, type NodeIdentity } from '../../../relay/keys/identity.ts'
import { IdentityError } from '../../../relay/keys/identity-error.ts'
import { asciiBytes } from '../../../shared/kernel/bytes.ts'

let dir: string
let identityDir: string
let logged: string[]

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tabmesh-keys-'))
  identityDir = join(dir, 'identity')
  logged = []
})

afterEach(() => rm(dir, { recursive: true, force: true }))

function start(init: Partial<IdentityInit> = {}): Promise<NodeIdentity> {
  return loadOrCreateIdentity({ dir, log: (level, message) => logged.push(`${level} ${message}`), ...init })
}

async function failure(init: Partial<IdentityInit> = {}): Promise<IdentityError> {
  const error = await start(init).catch((thrown: unknown) => thrown)
  if (error instanceof IdentityError) return error
  throw new Error('expected an IdentityError', { cause: error })
}

async function modes(): Promise<Record<string, string>> {
  const names = await readdir(identityDir)
  const entries = await Promise.all(
    ['.', ...names].map(async (name) => [
      name,
      ((await stat(join(identityDir, name))).mode & 0o777).toString(8),
    ]),
  )
  return Object.fromEntries(entries)
}

async function edit(name: string, change: (json: Record<string, unknown>) => void): Promise<void> {
  const path = join(identityDir, name)
  const json = JSON.parse(await readFile(path, 'utf8'))
  change(json)
  await writeFile(path, JSON.stringify(json))
}

function startProcess(env: NodeJS.ProcessEnv = {}): ChildProcess {
  const script = new URL('./fixtures/identity-loader.ts', import.meta.url).pathname
  return spawn(process.execPath, [script, dir], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  })
}

async function outcome(child: ChildProcess): Promise<{ code: number; output: string }> {
  const [output, [code]] = await Promise.all([text(child.stdout!), once(child, 'exit')])
  return { code, output: output.trim() }
}

describe('first and later starts', () => {
  test('IDN-01 the first start creates an identity and says so, later ones load the same and create none', async () => {
    const first = await start()
    expect(logged).toContain(`info Identity created: ${first.peerId}`)
    logged.length = 0
    for (let i = 0; i < 3; i++) expect((await start()).peerId).toBe(first.peerId)
    expect(logged).toEqual(Array(3).fill(`info Identity loaded: ${first.peerId}`))
  })

  test('IDN-01 each directory gets a key of its own', async () => {
    const ids = [await start(), await start({ dir: join(dir, 'a') }), await start({ dir: join(dir, 'b') })]
    expect(new Set(ids.map(({ peerId }) => peerId)).size).toBe(3)
    expect(new Set(ids.map(({ keyId }) => keyId)).size).toBe(3)
  })

  test('IDN-01 peer id, libp2p key and signing port are of one key', async () => {
    for (const identity of [await start(), await start()]) {
      expect(identity.peerId).toMatch(/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/)
      expect(peerIdFromPrivateKey(identity.privateKey).toString()).toBe(identity.peerId)
      expect(identity.crypto.self).toBe(identity.peerId)
      const message = asciiBytes('hello')
      expect(
        await identity.crypto.verify(identity.peerId, message, await identity.crypto.sign(message)),
      ).toBe(true)
      const byLibp2p = await identity.privateKey.sign(message)
      expect(await identity.crypto.verify(identity.peerId, message, byLibp2p)).toBe(true)
    }
  })

  test('IDN-01 four processes that start at once get one identity', { timeout: 60_000 }, async () => {
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => outcome(startProcess())))
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0, 0])
    expect(new Set(outcomes.map(({ output }) => output)).size).toBe(1)
    expect(await readdir(dir)).toEqual(['identity'])
  })

  test('IDN-01 a first start that was cut short leaves nothing in the way of the next', async () => {
    await mkdir(identityDir)
    await mkdir(join(dir, '.identity-half'))
    await writeFile(join(dir, '.identity-half', 'key.json'), '{')
    const { peerId } = await start()
    expect((await start()).peerId).toBe(peerId)
  })
})

describe('what is on the disk', () => {
  test('IDN-03 the directory is 0700, the files are 0600, and the key is not in clear', async () => {
    await start()
    expect(await modes()).toEqual({ '.': '700', 'key.json': '600', 'wrapping-key.json': '600' })
    const record = JSON.parse(await readFile(join(identityDir, 'key.json'), 'utf8'))
    expect(record).toMatchObject({ keySource: 'keyFile', cipher: 'AES-256-GCM', keyId: expect.any(String) })
    expect(Object.keys(record).sort()).toEqual(
      ['cipher', 'createdAt', 'format', 'keyId', 'keySource', 'peerId', 'privateKey'].sort(),
    )
  })

  test('IDN-03 the modes hold under an umask that would give all away', async () => {
    const child = spawn(
      'sh',
      [
        '-c',
        'umask 000; exec "$@"',
        'sh',
        process.execPath,
        new URL('./fixtures/identity-loader.ts', import.meta.url).pathname,
        dir,
      ],
      { stdio: 'ignore' },
    )
    await once(child, 'exit')
    expect(await modes()).toEqual({ '.': '700', 'key.json': '600', 'wrapping-key.json': '600' })
  })

  test('IDN-03 `auto` takes the key file with a warning', async () => {
    const { keySource } = await start({ keySource: 'auto' })
    expect(keySource).toBe('keyFile')
    expect(logged[0]).toBe(
      `warn The identity key is encrypted by the key file ${join(identityDir, 'wrapping-key.json')}: who can read both files has the key`,
    )
  })

  test('IDN-03 modes others can read are set right at the next start, with a warning for each', async () => {
    await start()
    for (const [name, mode] of [
      ['.', 0o755],
      ['key.json', 0o644],
      ['wrapping-key.json', 0o660],
    ] as const) {
      await chmod(join(identityDir, name), mode)
    }
    logged.length = 0
    await start()
    expect(logged.filter((line) => line.startsWith('warn')).map((line) => line.slice(0, -1))).toHaveLength(3)
    expect(logged[1]).toContain(
      `${join(identityDir, 'key.json')} was open to other users of this machine (mode 644)`,
    )
    expect(await modes()).toEqual({ '.': '700', 'key.json': '600', 'wrapping-key.json': '600' })
    logged.length = 0
    await start()
    expect(logged).toHaveLength(1)
  })

  test('IDN-05 neither log lines nor errors contain a secret', async () => {
    await start({ passphrase: 'correct horse' })
    const wrong = await failure({ passphrase: 'wrong horse' })
    expect([...logged, wrong.message, String(wrong.cause)].join()).not.toMatch(/horse/)
    await rm(identityDir, { recursive: true })
    await start()
    const { key } = JSON.parse(await readFile(join(identityDir, 'wrapping-key.json'), 'utf8'))
    await edit('wrapping-key.json', (json) => Object.assign(json, { key: key.slice(2) }))
    const damaged = await failure()
    expect([...logged, damaged.message].join()).not.toContain(key.slice(2, 20))
  })
})

describe('passphrase', () => {
  test('IDN-03 a passphrase makes no key file, is recorded as the source and opens the identity again', async () => {
    const first = await start({ passphrase: 'correct horse' })
    expect(first.keySource).toBe('passphrase')
    expect(await modes()).toEqual({ '.': '700', 'key.json': '600' })
    expect((await start({ passphrase: 'correct horse' })).peerId).toBe(first.peerId)
    expect(JSON.parse(await readFile(join(identityDir, 'key.json'), 'utf8'))).toMatchObject({
      keySource: 'passphrase',
      derivation: { name: 'argon2id', memoryKiB: 65_536, iterations: 3 },
    })
  })

  test('IDN-03 a passphrase typed with other Unicode composition is the same', async () => {
    const { peerId } = await start({ passphrase: 'é' })
    expect((await start({ passphrase: 'e\u0301' })).peerId).toBe(peerId)
  })

  test.each([undefined, ''])(
    'IDN-04 refuses to start when the passphrase is missing (%j)',
    async (passphrase) => {
      await start({ passphrase: 'correct horse' })
      const error = await failure({ passphrase })
      expect(error.code).toBe('PassphraseMissing')
      expect(error.message).toBe(
        `The identity in ${identityDir} is protected by a passphrase and TABMESH_PASSPHRASE is not set`,
      )
    },
  )

  test('IDN-04 refuses to start with a wrong passphrase and changes nothing', async () => {
    const { peerId } = await start({ passphrase: 'correct horse' })
    const before = await readFile(join(identityDir, 'key.json'), 'utf8')
    const error = await failure({ passphrase: 'Correct horse' })
    expect(error.code).toBe('PassphraseWrong')
    expect(await readFile(join(identityDir, 'key.json'), 'utf8')).toBe(before)
    expect((await start({ passphrase: 'correct horse' })).peerId).toBe(peerId)
  })

  test('IDN-03 asks for the passphrase when the source is to be one and none is given', async () => {
    const error = await failure({ keySource: 'passphrase' })
    expect(error.message).toBe('The key source is a passphrase and TABMESH_PASSPHRASE is not set')
    expect(await readdir(dir)).toEqual([])
  })

  test('IDN-03 the recorded source wins, and a passphrase that is not used is said to be so', async () => {
    const { peerId } = await start()
    logged.length = 0
    const again = await start({ passphrase: 'correct horse' })
    expect([again.peerId, again.keySource]).toEqual([peerId, 'keyFile'])
    expect(logged[0]).toContain('warn TABMESH_PASSPHRASE is not used')
  })
})

describe('what cannot be read', () => {
  /** Runs the case, and checks that no other identity was made in its place. */
  async function refuses(
    spoil: () => Promise<void>,
    code: IdentityError['code'],
    message: RegExp,
  ): Promise<void> {
    const { peerId } = await start()
    const kept = join(dir, 'kept')
    await cp(identityDir, kept, { recursive: true })
    await spoil()
    const error = await failure()
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
    await rm(identityDir, { recursive: true, force: true })
    await cp(kept, identityDir, { recursive: true })
    expect((await start()).peerId).toBe(peerId)
  }

  const inDir = (name: string) => join(identityDir, name)

  test('IDN-04 a keychain that was recorded and cannot be had: `Failed to access system keychain`', () =>
    refuses(
      () => edit('key.json', (json) => Object.assign(json, { keySource: 'keychain' })),
      'KeychainUnavailable',
      /^Failed to access system keychain$/,
    ))

  test('IDN-04 the key file is missing', () =>
    refuses(
      () => rm(inDir('wrapping-key.json')),
      'KeyFileUnavailable',
      /wrapping-key\.json of this identity is missing/,
    ))

  test('IDN-04 key.json is missing', () =>
    refuses(() => rm(inDir('key.json')), 'Damaged', /key\.json is missing/))

  test('IDN-04 key.json is empty', () =>
    refuses(
      () => writeFile(inDir('key.json'), ''),
      'Damaged',
      /key\.json is not JSON; restore it from a backup/,
    ))

  test('IDN-04 key.json is cut off', () =>
    refuses(
      async () => writeFile(inDir('key.json'), (await readFile(inDir('key.json'), 'utf8')).slice(0, 200)),
      'Damaged',
      /is not JSON/,
    ))

  test.each([
    ['format', 'tabmesh-identity/2'],
    ['keySource', 'usbStick'],
    ['cipher', 'none'],
    ['keyId', 7],
    ['peerId', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'],
    ['privateKey', { iv: '00', ciphertext: '' }],
    ['privateKey', null],
    ['surplus', true],
    [
      'derivation',
      { name: 'argon2id', memoryKiB: 2 ** 30, iterations: 1, parallelism: 1, salt: '00'.repeat(16) },
    ],
  ])('IDN-04 key.json with %s = %j', (field, value) =>
    refuses(
      () => edit('key.json', (json) => Object.assign(json, { [field]: value })),
      'Damaged',
      /key\.json/,
    ),
  )

  test('IDN-04 a changed byte of the encrypted key', () =>
    refuses(
      () =>
        edit('key.json', (json) => {
          const sealed = json['privateKey'] as { iv: string; ciphertext: string }
          sealed.ciphertext = (sealed.ciphertext.startsWith('0') ? '1' : '0') + sealed.ciphertext.slice(1)
        }),
      'Damaged',
      /the private key does not decrypt/,
    ))

  test.each(['createdAt', 'keySource'])('IDN-04 a changed %s, which is bound to the encrypted key', (field) =>
    refuses(
      () =>
        edit('key.json', (json) =>
          Object.assign(json, { [field]: field === 'createdAt' ? '2020' : 'keychain' }),
        ),
      field === 'createdAt' ? 'Damaged' : 'KeychainUnavailable',
      /./,
    ),
  )

  test('IDN-04 the key file of another identity', async () => {
    await start({ dir: join(dir, 'other') })
    await refuses(
      () => cp(join(dir, 'other', 'identity', 'wrapping-key.json'), inDir('wrapping-key.json')),
      'KeyFileUnavailable',
      /wrapping-key\.json has the key .*, this identity needs /,
    )
  })

  test.each(['', '{}', '{"format":"tabmesh-wrapping-key/1","keyId":"a","key":"00"}', '\u0000'.repeat(100)])(
    'IDN-04 a key file that says %j',
    (content) =>
      refuses(
        () => writeFile(inDir('wrapping-key.json'), content),
        'KeyFileUnavailable',
        /wrapping-key\.json (is|has)/,
      ),
  )

  test('IDN-04 a directory where key.json should be', () =>
    refuses(
      async () => {
        await rm(inDir('key.json'))
        await mkdir(inDir('key.json'))
      },
      'NotReadable',
      /^Cannot read the identity in .*identity: a directory stands where a file is needed/,
    ))
})

describe('directories', () => {
  test('IDN-03 a file where the data directory should be: the error names it and what to do', async () => {
    const path = join(dir, 'a-file')
    await writeFile(path, '')
    const error = await failure({ dir: path })
    expect(error.message).toBe(
      `Cannot read the identity in ${join(path, 'identity')}: a file stands where a directory is needed; move it away or choose another directory with --data`,
    )
  })

  test('IDN-03 a data directory that may not be written to: the error names it and what to do', async () => {
    const asRoot = process.getuid?.() === 0
    await chmod(dir, 0o555)
    const { code, output } = await outcome(startProcess(asRoot ? { TEST_UID: '65534' } : {}))
    await chmod(dir, 0o700)
    expect({ code, output }).toEqual({
      code: 1,
      output: `NotWritable Cannot write an identity to ${identityDir}: this user may not write there; give it the rights or choose another directory with --data`,
    })
    expect(await readdir(dir)).toEqual([])
  })
})
