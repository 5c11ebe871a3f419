import { beforeAll, describe, expect, test } from 'vitest'
import { readBuiltIn } from '../../relay/agent/built-in-source.ts'
import { builtIns, findBuiltIn } from '../../shared/runtime/built-in.ts'
import type { Runtime } from '../../shared/runtime/serve-runs.ts'
import { guestRuntime, runOf } from '../support/program-run.ts'

let runtime: Runtime
beforeAll(async () => {
  runtime = await guestRuntime()
})

async function wordCount(input: unknown): Promise<unknown> {
  const program = await readBuiltIn(findBuiltIn('word_count')!)
  const result = await runtime.run(runOf(program, input))
  return result.kind === 'ok' ? new TextDecoder().decode(result.output) : result
}

describe('names of built-in programs', () => {
  test('hyphens and underscores are the same', () => {
    expect(findBuiltIn('word-count')).toBe(findBuiltIn('word_count'))
    expect(findBuiltIn('word-count')).toBe(builtIns[0])
  })

  test.each(['', 'wordcount', 'WORD_COUNT', '../word_count', 'toString'])('%s is none', (name) => {
    expect(findBuiltIn(name)).toBeUndefined()
  })

  test('are each given once, and written as users write them', () => {
    expect(new Set(builtIns.map(({ name }) => name)).size).toBe(builtIns.length)
    for (const { name } of builtIns) expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/)
  })
})

describe('TSK-02 built-in programs', () => {
  test.each(builtIns)('$name answers its example, twice the same', async (builtIn) => {
    const program = await readBuiltIn(builtIn)
    const [first, second] = [
      await runtime.run(runOf(program, builtIn.example)),
      await runtime.run(runOf(program, builtIn.example)),
    ]
    if (first.kind !== 'ok' || second.kind !== 'ok') throw new Error(JSON.stringify([first, second]))
    expect(new TextDecoder().decode(first.output)).toMatch(/^[[{]/)
    expect(second).toEqual(first)
    expect(first.fuelUsed).toBeLessThan(10_000_000)
  })

  test.each(builtIns)('$name says what is wrong with an input that it cannot take', async (builtIn) => {
    const result = await runtime.run(runOf(await readBuiltIn(builtIn), true))
    expect(result).toMatchObject({ kind: 'error', error: 'exit' })
    expect('message' in result && result.message).toMatch(/exit code 1\. Its log ends with: .*a boolean/)
  })

  test('that were not built are missed by name, with what to do', async () => {
    const missing = { ...builtIns[0]!, name: 'no_such' }
    await expect(readBuiltIn(missing)).rejects.toThrow(/no_such is not built: run `npm run build`/)
  })
})

describe('TSK-02 word_count', () => {
  test.each([
    ['the cat and the dog', '{"and":1,"cat":1,"dog":1,"the":2}'],
    ['', '{}'],
    ['  \n—…!? ', '{}'],
    ['Größe GRÖSSE größe', '{"grösse":1,"größe":2}'],
    ["don't don’t dont 'quoted'", '{"don\'t":1,"dont":1,"don’t":1,"quoted":1}'],
    ['e\u0301te\u0301 \u00e9t\u00e9', '{"été":2}'],
    ['constructor __proto__ toString', '{"constructor":1,"proto":1,"tostring":1}'],
    ['日本語 привет Привет', '{"привет":2,"日本語":1}'],
    ['b 10 a 9 10', '{"9":1,"10":2,"a":1,"b":1}'],
    ['हिन्दी', '{"हिन्दी":1}'],
  ])('counts %j', async (text, counts) => {
    expect(await wordCount(text)).toBe(counts)
  })

  test.each([[null], [5], [['a']], [{ text: 'a' }]])('refuses %j', async (input) => {
    expect(await wordCount(input)).toMatchObject({
      error: 'exit',
      message: expect.stringContaining('word_count takes a string, and the input is '),
    })
  })

  test('takes a text of 1 MB within its limits', async () => {
    const counts = JSON.parse((await wordCount('alpha beta Gamma '.repeat(58_000))) as string)
    expect(counts).toEqual({ alpha: 58_000, beta: 58_000, gamma: 58_000 })
  })
})
