import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonValue } from '../../shared/client/item-splitter.ts'
import { itemsOf } from '../../shared/client/item-stream.ts'
import { type ListKind, mapInput } from '../../shared/client/map-input.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'

interface Read {
  readonly items: JsonValue[]
  /** What was wrong behind them. */
  readonly fault: string | undefined
}

async function read(pieces: Iterable<Uint8Array | string>, kind: ListKind): Promise<Read> {
  const items: JsonValue[] = []
  try {
    for await (const item of itemsOf(asyncly(pieces), kind)) items.push(item)
    return { items, fault: undefined }
  } catch (error) {
    expect(error).toMatchObject({ name: 'ClientError', code: 'BadInput' })
    return { items, fault: (error as Error).message }
  }
}

async function* asyncly<T>(pieces: Iterable<T>): AsyncGenerator<T> {
  yield* pieces
}

/** The bytes of a text, cut at these places, which may be in the middle of a character. */
function cut(text: string, places: readonly number[]): Uint8Array[] {
  const bytes = new TextEncoder().encode(text)
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((start, n) => bytes.subarray(start, at[n] ?? bytes.length))
}

const places = fc.array(fc.nat(1_000), { maxLength: 12 })
const nasty = fc
  .array(
    fc.constantFrom(
      'a',
      ',',
      '"',
      '""',
      '\n',
      '\r\n',
      '\r',
      'é',
      '💧',
      '\ufeff',
      ' ',
      '{',
      '}',
      '[',
      ']',
      '\\',
      '\\"',
      ':',
      '1',
      'null',
    ),
    {
      maxLength: 40,
    },
  )
  .map((parts) => parts.join(''))

describe('TSK-13 items of a text that comes in pieces', () => {
  test.each(['lines', 'csv'] as const)(
    'TSK-13 %s are those of the whole text, wherever it is cut',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(fc.oneof(nasty, fc.string({ unit: 'binary' })), places, async (text, cuts) => {
          const whole = mapInput(new TextEncoder().encode(text), kind, 'input')
          const { items, fault } = await read(cut(text, cuts), kind)
          expect(fault).toBe(whole instanceof Refusal ? whole.message : undefined)
          if (!(whole instanceof Refusal)) expect(items).toEqual(whole)
        }),
        { numRuns: 500, examples: [['\ufeff\ufeff', [3]]] },
      )
    },
  )

  test('TSK-13 elements of an array are what JSON.parse says, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), fc.nat(3), places, async (values, indent, cuts) => {
        const text = JSON.stringify(values, undefined, indent)
        expect(await read(cut(text, cuts), 'json')).toEqual({ items: JSON.parse(text), fault: undefined })
      }),
      { numRuns: 300 },
    )
  })

  test('TSK-13 whatever begins with a bracket is an array to both, or to neither', async () => {
    await fc.assert(
      fc.asyncProperty(nasty, places, async (rest, cuts) => {
        const text = `[${rest}`
        const { items, fault } = await read(cut(text, cuts), 'json')
        let whole: unknown
        try {
          whole = JSON.parse(text.replace(/^\ufeff/, ''))
        } catch {}
        expect(fault === undefined).toBe(whole !== undefined)
        if (whole !== undefined) expect(items).toEqual(whole)
      }),
      { numRuns: 1_000 },
    )
  })

  test('TSK-13 lines of JSON are one item each', async () => {
    const values = fc.array(
      fc.jsonValue().filter((value) => !Array.isArray(value)),
      { minLength: 1 },
    )
    await fc.assert(
      fc.asyncProperty(
        values,
        fc.constantFrom('\n', '\r\n', '\n\n', ' \n'),
        places,
        async (all, end, cuts) => {
          const text = all.map((value) => JSON.stringify(value) + end).join('')
          const { items, fault } = await read(cut(text, cuts), 'json')
          expect(fault).toBeUndefined()
          expect(items).toEqual(all.map((value) => JSON.parse(JSON.stringify(value))))
        },
      ),
      { numRuns: 200 },
    )
  })

  test('TSK-13 a field named __proto__ is a field like any other', async () => {
    const { items } = await read(['[{"__proto__": {"a": 1}}]'], 'json')
    expect(Object.keys(items[0] as object)).toEqual(['__proto__'])
  })

  test.each<[ListKind, string, JsonValue[], string]>([
    ['json', '', [], 'not a JSON array, and no line of JSON'],
    ['json', ' \n ', [], 'not a JSON array, and no line of JSON'],
    ['json', '[1, 2', [1], 'the JSON array does not end'],
    ['json', '[1, 2,]', [1, 2], 'element 2: not JSON: '],
    ['json', '[1, oops, 3]', [1], 'element 1: not JSON: '],
    ['json', '[1}2]', [], 'element 0: not JSON: a brace too many'],
    ['json', '[1] [2]', [1], 'text behind the end of the JSON array'],
    ['json', '1\n\n2\noops\n', [1, 2], 'line 4: not JSON: '],
    ['json', '\n\n1 2', [], 'line 3: not JSON: '],
    ['csv', 'a,b\n1,2\n3\n', [{ a: '1', b: '2' }], 'line 3: 1 fields where the first row names 2'],
    ['csv', 'a\n1\n"x', [{ a: '1' }], 'line 3: a quoted field does not end'],
  ])(
    'TSK-13 of %s %j those before the fault are given, and the fault is named',
    async (kind, text, items, fault) => {
      for (const pieces of [[text], [...text]]) {
        const result = await read(pieces, kind)
        expect(result.items).toEqual(items)
        expect(result.fault).toContain(fault)
      }
    },
  )

  test('TSK-13 what is no UTF-8 is refused, after the items before it', async () => {
    const pieces = [new TextEncoder().encode('a\nb\n'), Uint8Array.of(0x63, 0x0a, 0xff)]
    expect(await read(pieces, 'lines')).toEqual({ items: ['a', 'b'], fault: 'not UTF-8 text' })
    expect((await read([Uint8Array.of(0xe2, 0x82)], 'lines')).fault).toBe('not UTF-8 text')
  })

  test('TSK-13 one item of many megabytes takes a time that goes with its size', async () => {
    const piece = 'x'.repeat(65_536)
    function* long(before: string, behind: string) {
      yield before
      for (let n = 0; n < 320; n++) yield piece
      yield behind
    }
    const { length } = piece
    for (const [kind, before, behind] of [
      ['lines', '', '\n'],
      ['csv', 'a\n"', '"\n'],
      ['json', '["', '"]'],
    ] as const) {
      const { items } = await read(long(before, behind), kind)
      const text = typeof items[0] === 'string' ? items[0] : (items[0] as { a: string }).a
      expect(text.length).toBe(320 * length)
    }
  })

  test.each(['lines', 'csv', 'json'] as const)(
    'TSK-13 %s are given as soon as they are whole',
    async (kind) => {
      const first = { lines: 'one\n', csv: 'a\none\n', json: '["one",' }[kind]
      async function* pieces() {
        yield first
        throw new Error('nothing more was to be read')
      }
      const { value } = await itemsOf(pieces(), kind).next()
      expect(value).toEqual(kind === 'csv' ? { a: 'one' } : 'one')
    },
  )
})
