import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkProgram } from '../../../relay/cli/check-program.ts'
import { checkForm } from '../../../relay/cli/inputs.ts'
import { UsageError } from '../../../relay/cli/usage-error.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabmesh-check-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

async function check(...[name, options]: [name: string, options?: Parameters<typeof checkProgram>[1]]) {
  const out: string[] = []
  const io = {
    out: async (text: string) => void out.push(text),
    err: () => undefined,
    isTerminal: false,
    input: async function* () {},
    isTyped: false,
  }
  const code = await checkProgram(name, options ?? {}, io)
  return { code, out: out.join('') }
}

describe('SBX-02 check-program', () => {
  test('runs a program twice and says what it costs in fuel', async () => {
    const program = await file(
      'sum.js',
      'export default (n) => { let s = 0; for (let i = 0; i < n; i++) s += i; return s }',
    )
    const input = await file('numbers.json', '[10, 100000]')
    const { code, out } = await check(program, { input, map: 'json' })
    expect(out).toContain('javascript program, 81 bytes, SHA-256 ')
    expect(out).toMatch(
      /item 0: ok, 2 bytes out; fuel 100,000 \(0\.001 % of the default limit\); [\d.]+ ms and [\d.]+ ms\n/,
    )
    expect(out).toMatch(/item 1: ok, 10 bytes out; fuel [1-9][\d,]+ \(0\.\d+ % of the default limit\)/)
    expect(out).toMatch(/\ndeterministic: each of 2 items gave the same answer for the same fuel twice\n$/)
    expect(code).toBe(0)
  })

  test('says it in JSON', async () => {
    const program = await file('null.js', 'export default () => null')
    const { code, out } = await check(program, { json: true })
    const found = JSON.parse(out)
    expect(found).toMatchObject({ program: { kind: 'javascript', sizeBytes: 25 }, deterministic: true })
    expect(found.items).toHaveLength(1)
    expect(found.items[0]).toMatchObject({
      index: 0,
      same: true,
      outcome: { kind: 'ok' },
      outputBytes: 4,
      fuel: 100_000,
    })
    expect(code).toBe(0)
  })

  test('an error of the program is named, and fails the check', async () => {
    const program = await file('throws.js', 'export default () => { throw new Error("no\\nway") }')
    const { code, out } = await check(program)
    expect(out).toContain('item 0: thrown: Error: no way (line 1, column 39); fuel 100,000')
    expect(out).toContain('1 of 1 items did not end with an output')
    expect(code).toBe(1)
  })

  test('a module that no worker would run is refused with the reason', async () => {
    const program = await file('broken.wasm', Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0))
    const { code, out } = await check(program)
    expect(out).toMatch(/^wasi program, 8 bytes/)
    expect(out).toContain('item 0: invalidProgram: ')
    expect(code).toBe(1)
  })

  test('a file that is not there is a usage error', async () => {
    await expect(check(join(folder, 'nothing.js'))).rejects.toThrow(UsageError)
    await expect(check('word_count', { input: join(folder, 'nothing.txt') })).rejects.toThrow(UsageError)
  })
})

describe('TSK-02 the form of a program and its type', () => {
  const forms = {
    javascript: new TextEncoder().encode('export default () => 1'),
    wasi: Uint8Array.of(0, 0x61, 0x73, 0x6d),
    model_inference: Uint8Array.of(8, 9),
  }

  test.each(Object.entries(forms))('%s takes its own and no other', (type, program) => {
    expect(() => checkForm(type, program, 'p')).not.toThrow()
    for (const [other, form] of Object.entries(forms)) {
      if (other === type) continue
      expect(() => checkForm(type, form, 'p')).toThrow(`it is not of type ${type}, try --type ${other}`)
    }
  })

  test.each(['text_processing', 'data_analysis', 'alchemy', 'constructor'])('%s takes any', (type) => {
    for (const program of Object.values(forms)) expect(() => checkForm(type, program, 'p')).not.toThrow()
  })
})
