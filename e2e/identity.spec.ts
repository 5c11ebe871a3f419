import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, expect, type Page, test } from '@playwright/test'
import { cryptoContract } from '../test/contract/crypto.contract.ts'
import { bundlePage, servePage, testOrigin } from './support/page-bundle.ts'

let script: string

test.beforeAll(async () => {
  script = await bundlePage(new URL('./support/identity-page.ts', import.meta.url))
})

test.beforeEach(({ context }) => servePage(context, script))

async function openPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  await page.goto(testOrigin)
  await page.waitForFunction('window.identityPage')
  return page
}

test('SEC-03 every crypto engine in Chromium keeps the contract', async ({ context }) => {
  const page = await openPage(context)
  expect(await page.evaluate(() => window.identityPage.platformHasEd25519())).toBe(true)
  for (const engine of ['webcrypto', 'noble'] as const) {
    for (const { name } of cryptoContract) {
      await test.step(`${engine} ${name}`, () =>
        page.evaluate(([of, what]) => window.identityPage.runCryptoCase(of, what), [engine, name] as const))
    }
  }
})

test('IDN-01 the first start creates an identity and says so, later ones load the same', async ({
  context,
}) => {
  const page = await openPage(context)
  const first = await page.evaluate(() => window.identityPage.start('default'))
  expect(first).toEqual({
    peerId: first.peerId,
    logged: [`info Identity created: ${first.peerId}`],
    isSound: true,
  })
  expect(first.peerId).toMatch(/^12D3KooW/)
  for (const again of [page, await openPage(context)]) {
    await again.reload()
    await again.waitForFunction('window.identityPage')
    const { peerId, logged, isSound } = await again.evaluate(() => window.identityPage.start('default'))
    expect({ peerId, logged, isSound }).toEqual({
      peerId: first.peerId,
      logged: [`info Identity loaded: ${first.peerId}`],
      isSound: true,
    })
  }
})

test('IDN-01 the identity is there after the browser was ended and started again', async ({ playwright }) => {
  const folder = await mkdtemp(join(tmpdir(), 'tabmesh-browser-'))
  const { launchOptions } = test.info().project.use
  const ids: unknown[] = []
  for (let run = 0; run < 2; run++) {
    const context = await playwright.chromium.launchPersistentContext(folder, { ...launchOptions })
    await servePage(context, script)
    const page = await openPage(context)
    ids.push(await page.evaluate(() => window.identityPage.start('default')))
    await context.close()
  }
  await rm(folder, { recursive: true, force: true })
  const [first, second] = ids as { peerId: string; logged: string[] }[]
  expect(second?.peerId).toBe(first?.peerId)
  expect(second?.logged).toEqual([`info Identity loaded: ${first?.peerId}`])
})

test('IDN-01 tabs that start at once, many times over, get one identity', async ({ context }) => {
  const pages = await Promise.all([1, 2, 3].map(() => openPage(context)))
  for (let round = 0; round < 5; round++) {
    const profile = `race-${round}`
    const starts = await Promise.all(
      pages.flatMap((page) =>
        [1, 2].map(() => page.evaluate((name) => window.identityPage.start(name), profile)),
      ),
    )
    expect(new Set(starts.map(({ peerId }) => peerId)).size).toBe(1)
    const created = starts.flatMap(({ logged }) => logged).filter((line) => line.includes('created'))
    expect(created).toHaveLength(1)
    expect(starts.every(({ isSound }) => isSound)).toBe(true)
  }
})

test('IDN-01 each profile is a node of its own, and a name that is none is refused', async ({ context }) => {
  const page = await openPage(context)
  const [a, b] = await page.evaluate(() =>
    Promise.all(['a', 'b'].map((name) => window.identityPage.start(name))),
  )
  expect(a?.peerId).not.toBe(b?.peerId)
  const bad = await page.evaluate(() => window.identityPage.start('../a'))
  expect(bad.error?.message).toContain('A profile is named by')
})

test('IDN-02 the private key is stored encrypted, and nothing in the page gives it out', async ({
  context,
}) => {
  const page = await openPage(context)
  const { peerId } = await page.evaluate(() => window.identityPage.start('default'))
  const secrets = await page.evaluate(() => window.identityPage.secrets('default'))
  expect(secrets).toMatchObject({
    raw: 'The private key of this node cannot be read: it only signs',
    exported: 'InvalidAccessError',
    clear: { peerId, publicKey: 32, wrapping: 'deviceKey' },
    cipher: 'AES-GCM-256',
  })
  expect(Object.keys(secrets.ciphertext)).toHaveLength(48 + 16)
})

const damages: readonly (readonly [string, string])[] = [
  ['a flipped bit of the encrypted key', 'its private key does not decrypt'],
  ['another wrapping key', 'its private key does not decrypt'],
  ['another public key', 'its private key does not decrypt'],
  ['another peer id', 'its peer id is not that of its key'],
  ['a missing wrapping key', 'it is not in a form this version reads'],
  ['a later version', 'it is not in a form this version reads'],
  ['no object', 'it is not in a form this version reads'],
  ['null', 'it is not in a form this version reads'],
]

test('IDN-02 a damaged store is an error that says so, never a new identity', async ({ context }) => {
  const page = await openPage(context)
  for (const [how, message] of damages) {
    await test.step(how, async () => {
      const profile = how.replaceAll(' ', '-')
      await page.evaluate((name) => window.identityPage.start(name), profile)
      await page.evaluate(([name, what]) => window.identityPage.spoil(name, what), [profile, how] as const)
      for (let attempt = 0; attempt < 2; attempt++) {
        const { error, logged } = await page.evaluate((name) => window.identityPage.start(name), profile)
        expect(error).toEqual({
          name: 'IdentityError',
          code: 'Damaged',
          message: `The identity kept in this browser is damaged: ${message}. Restore it from a backup, or clear this site’s data to start as a new node.`,
        })
        expect(logged).toEqual([])
      }
    })
  }
})

test('IDN-02 a browser without Ed25519 has its identity too, and reads one made with it and the other way round', async ({
  context,
}) => {
  const modern = await openPage(context)
  const { peerId } = await modern.evaluate(() => window.identityPage.start('made-with'))
  await context.addInitScript(() => {
    for (const name of ['importKey', 'generateKey', 'unwrapKey'] as const) {
      const original = SubtleCrypto.prototype[name] as (...values: unknown[]) => Promise<unknown>
      const patched = function (this: SubtleCrypto, ...values: unknown[]): Promise<unknown> {
        if (!values.includes('Ed25519')) return original.apply(this, values)
        return Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError'))
      }
      Object.assign(SubtleCrypto.prototype, { [name]: patched })
    }
  })
  const old = await openPage(context)
  expect(await old.evaluate(() => window.identityPage.platformHasEd25519())).toBe(false)
  const created = await old.evaluate(() => window.identityPage.start('made-without'))
  expect(created).toMatchObject({ logged: [`info Identity created: ${created.peerId}`], isSound: true })
  expect(await old.evaluate(() => window.identityPage.start('made-without'))).toMatchObject({
    peerId: created.peerId,
    isSound: true,
  })
  expect(await old.evaluate(() => window.identityPage.start('made-with'))).toMatchObject({
    peerId,
    isSound: true,
  })
  const updated = await modern.evaluate(() => window.identityPage.start('made-without'))
  expect(updated).toMatchObject({ peerId: created.peerId, isSound: true })
})

test('IDN-02 a page that is not served securely says so and makes nothing', async ({ context }) => {
  const origin = 'http://relay.example'
  await servePage(context, script, origin)
  const page = await context.newPage()
  await page.goto(origin)
  await page.waitForFunction('window.identityPage')
  const { error } = await page.evaluate(() => window.identityPage.start('default'))
  expect(error).toEqual({
    name: 'IdentityError',
    code: 'NotSecureContext',
    message:
      'This page is not served over https (or from localhost), so the browser gives it no cryptography',
  })
})

test('IDN-01 a page that may not compile WebAssembly hashes in script, and has its identity', async ({
  context,
}) => {
  await context.addInitScript(() => {
    Object.assign(WebAssembly, {
      compile: () => Promise.reject(new WebAssembly.CompileError('refused by the policy')),
    })
  })
  const page = await openPage(context)
  await page.evaluate(() => window.identityPage.runCryptoCase('webcrypto', 'hashes as FIPS 180-4 says'))
  expect(await page.evaluate(() => window.identityPage.start('default'))).toMatchObject({ isSound: true })
})

test('NET-01 libp2p in the tab shakes hands with keys that cannot be read', async ({ context }) => {
  const page = await openPage(context)
  const seen = await page.evaluate(() => window.identityPage.connect(['left', 'right']))
  expect(seen).toEqual({
    remote: seen.expected,
    expected: seen.expected,
    encryption: '/noise',
    record: 'signed',
  })
})
