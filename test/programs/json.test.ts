import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runProgram } from './run-program.ts'

const seed = 20_261_121
const utf8 = new TextEncoder()
const echo = (text: string | Uint8Array) =>
  runProgram('probes/json_echo', typeof text === 'string' ? utf8.encode(text) : text)
const doubleOf = (bits: bigint) => new Float64Array(BigUint64Array.of(bits).buffer)[0]!
const anyDouble = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(doubleOf)

describe('TSK-02 numbers of programs', () => {
  test('are written as JavaScript writes them', () => {
    const doubles = fc.sample(anyDouble, { numRuns: 50_000, seed }).filter(Number.isFinite)
    const near: number[] = []
    for (let power = -325; power <= 308; power++) {
      const [value] = [Number(`1e${power}`)]
      for (const factor of [1, 1 + 2 ** -52, 1 - 2 ** -53, 5, 9.5]) near.push(value * factor, -value * factor)
    }
    for (let power = -1074; power < 1024; power++) near.push(2 ** power, 2 ** power * 3)
    const all = [...doubles, ...near.filter(Number.isFinite), 0, -0, 0.1, 1e21, 1e20, 123456789012345680000]
    // Seventeen digits name each double, so what comes back tells about the writing alone.
    const text = `[${all.map((value) => value.toExponential(16)).join()}]`
    expect(echo(text).output).toBe(JSON.stringify(all))
  })

  test('are read to the nearest double, ties to even, as JavaScript reads them', () => {
    const decimal = fc
      .tuple(
        fc.bigInt({ min: 0n, max: 10n ** 40n }),
        fc.integer({ min: -360, max: 320 }),
        fc.constantFrom('', '-'),
        fc.nat(45),
      )
      .map(([whole, exponent, sign, cut]) => {
        const digits = String(whole)
        const point = Math.min(cut, digits.length - 1)
        const front = digits.slice(0, digits.length - point)
        return `${sign}${front}${point > 0 ? `.${digits.slice(-point)}` : ''}e${exponent}`
      })
    const texts = fc.sample(decimal, { numRuns: 30_000, seed })
    expect(JSON.parse(echo(`[${texts.join()}]`).output)).toEqual(
      texts.map((text) => {
        const value = JSON.parse(text) as number
        return Number.isFinite(value) ? value + 0 : null
      }),
    )
  })

  test('half-way between two doubles are decided exactly', () => {
    const halves = fc
      .sample(fc.bigInt({ min: 1n, max: 0x7fdfffffffffffffn }), { numRuns: 300, seed })
      .concat(1n, 2n, 0xfffffffffffffn, 0x10000000000000n)
      .flatMap((bits) => {
        const { whole, power } = halfAbove(bits)
        return [`${whole}.0e${power}`, `${whole}.${'0'.repeat(900)}1e${power}`, `${whole - 1n}.9e${power}`]
      })
    expect(echo(`[${halves.join()}]`).output).toBe(JSON.stringify(halves.map(Number)))
  })

  test.each([
    ['1.7976931348623158079372897140530e308', '1.7976931348623157e+308'],
    ['1.7976931348623158079372897140531e308', 'null'],
    ['2.4703282292062327208e-324', '0'],
    ['2.4703282292062327209e-324', '5e-324'],
    [`0.${'0'.repeat(5000)}1e5001`, '1'],
    [`1${'0'.repeat(5000)}e-5000`, '1'],
    [`9007199254740993${'0'.repeat(1000)}1e-1001`, '9007199254740994'],
    ['1e99999999999999999999', 'null'],
    ['1e-99999999999999999999', '0'],
    ['0e99999999999999999999', '0'],
    ['-0', '0'],
    ['-0.0e-5', '0'],
  ])('at the edges: case %#', (text, written) => {
    expect(echo(text).output).toBe(written)
  })
})

/** What lies half-way between the double of these bits and the next: whole × 10^power. */
function halfAbove(bits: bigint): { whole: bigint; power: number } {
  const biased = bits >> 52n
  const fraction = bits & 0xfffffffffffffn
  const mantissa = ((biased > 0n ? fraction + (1n << 52n) : fraction) << 1n) + 1n
  const power = (biased > 0n ? biased : 1n) - 1076n
  return power >= 0n
    ? { whole: mantissa << power, power: 0 }
    : { whole: mantissa * 5n ** -power, power: Number(power) }
}

describe('TSK-02 JSON of programs', () => {
  const noNumberKeys = fc
    .string({ unit: 'binary', maxLength: 6 })
    .filter((key) => !/^\d+$/.test(key) && key !== '__proto__')
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, true, false, '', '"\\/\b\f\n\r\t\u0000\u001f\u007f\u2028\ud800'),
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.array(tie('value'), { maxLength: 5 }),
      fc.dictionary(noNumberKeys, tie('value'), { maxKeys: 5 }),
    ),
  })).value

  test('comes back as JSON.stringify would write it', () => {
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1, '\t'), (wanted, indent) => {
        expect(echo(JSON.stringify(wanted, null, indent)).output).toBe(JSON.stringify(wanted))
      }),
      { numRuns: 1_000, seed },
    )
  })

  test('knows every escape and every way of writing a character', () => {
    const text = '"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\\uD800\\udc00\\ud800x\\/\\b\\f\\n\\r\\t\\"\\\\é€😀"'
    expect(echo(text).output).toBe(JSON.stringify(JSON.parse(text)))
  })

  test('is refused where JavaScript refuses it, and taken where JavaScript takes it', () => {
    const good = JSON.stringify([1.5, -0, 'aé\n"😀', { a: [true, false, null, {}], b: 1e9 }, []])
    const bytes = [...utf8.encode(good)]
    const change = fc.tuple(
      fc.nat(bytes.length - 1),
      fc.nat(3),
      fc.constantFrom(...utf8.encode('[]{},:"\\019.e+-tn \n\u0001é')),
    )
    fc.assert(
      fc.property(change, ([at, remove, insert]) => {
        const changed = Uint8Array.from([...bytes.slice(0, at), insert, ...bytes.slice(at + remove)])
        const { exitCode, output } = echo(changed)
        const text = decoded(changed)
        const isGood = text !== undefined && isJson(text)
        expect({ text, exitCode }).toEqual({ text, exitCode: isGood ? 0 : 1 })
        if (isGood) expect(JSON.parse(output)).toEqual(JSON.parse(text.replaceAll('-0', '0')))
        else expect(output).toBe('')
      }),
      { numRuns: 5_000, seed },
    )
  })

  test.each([
    ['', 'the input is empty; it has to be JSON'],
    [' ', 'the input is not JSON: expected a value at byte 1'],
    ['[1,2', 'the input is not JSON: expected , or ] at byte 4'],
    ['{"a":1,}', 'the input is not JSON: expected a name in quotes at byte 7'],
    ['{"a" 1}', 'the input is not JSON: expected : at byte 5'],
    ['[01]', 'the input is not JSON: expected , or ] at byte 2'],
    ['[1.]', 'the input is not JSON: expected a digit at byte 3'],
    ['nul', 'the input is not JSON: expected null at byte 3'],
    ['1 2', 'the input is not JSON: the text goes on behind its value at byte 2'],
    ['"a\nb"', 'the input is not JSON: a control character has to be escaped at byte 2'],
    ['"ab', 'the input is not JSON: the string does not end at byte 3'],
    ['"\\x"', 'the input is not JSON: no such escape at byte 2'],
    ['"\\u12g4"', 'the input is not JSON: expected a hexadecimal digit at byte 5'],
    ['\ufeff1', 'the input is not JSON: expected a value at byte 0'],
    ['[', 'the input is not JSON: expected a value at byte 1'],
  ])('%j ends with: %s', (text, message) => {
    expect(echo(text)).toEqual({ exitCode: 1, output: '', message })
  })

  test.each([
    [[0xff]],
    [[0xc0, 0x80]],
    [[0xed, 0xa0, 0x80]],
    [[0xf4, 0x90, 0x80, 0x80]],
    [[0xe2, 0x82]],
    [[0x80]],
  ])('bytes %j in a string are not UTF-8', (bytes) => {
    expect(echo(Uint8Array.of(0x22, ...bytes, 0x22))).toMatchObject({
      exitCode: 1,
      message: 'the input is not JSON: not UTF-8 at byte 1',
    })
  })

  test('goes 500 levels deep and no deeper, however long the text', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
    expect(echo(nested(500)).output).toBe(nested(500))
    const message = 'the input is not JSON: more than 500 levels of arrays and objects at byte 501'
    expect(echo(nested(502))).toEqual({ exitCode: 1, output: '', message })
    expect(echo('[{"a":'.repeat(100_000)).message).toContain('more than 500 levels')
  })

  test('of a megabyte comes back whole', () => {
    const rows = Array.from({ length: 12_000 }, (_, row) => ({
      row,
      name: `n${row}é`,
      value: row / 7,
      list: [row, null],
    }))
    const text = JSON.stringify(rows)
    expect(text.length).toBeGreaterThan(600_000)
    expect(echo(text).output).toBe(text)
  })
})

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
