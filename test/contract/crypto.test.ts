import { describe, expect, test } from 'vitest'
import { nodeEngine } from '../../relay/keys/node-engine.ts'
import { nodeSha256 as sha256 } from '../../relay/keys/node-sha256.ts'
import { chooseEngine, createCryptoPort } from '../../shared/host/create-crypto-port.ts'
import { nobleEngine } from '../../shared/host/noble-crypto.ts'
import { webCryptoEngine } from '../../shared/host/webcrypto.ts'
import { cryptoContract } from './crypto.contract.ts'

for (const engine of [webCryptoEngine, nobleEngine, nodeEngine]) {
  describe(`crypto port on ${engine.name}`, () => {
    for (const { name, run } of cryptoContract) test(`SEC-03 ${name}`, () => run({ engine, sha256 }), 60_000)
  })
}

for (const engine of [webCryptoEngine, nobleEngine, nodeEngine]) {
  test(`${engine.name} verifies what comes in Node buffers and leaves them as they were`, async () => {
    const port = createCryptoPort({
      engine,
      sha256,
      signer: await engine.signerFromSeed(new Uint8Array(32).fill(7)),
    })
    for (let i = 0; i < 16; i++) {
      const bytes = Buffer.from(`message ${i}`)
      const signature = Buffer.from(await port.sign(bytes))
      const before = signature.toString('hex')
      expect(await port.verify(port.self, bytes, signature)).toBe(true)
      expect(signature.toString('hex')).toBe(before)
    }
  })
}

test('the platform engine is taken where there is one', async () => {
  expect((await chooseEngine()).name).toBe('webcrypto')
})
