import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ElementName } from '../../../shared/runtime/onnx/element-types.ts'
import { elementTypeNamed } from '../../../shared/runtime/onnx/element-types.ts'
import { elementCodecs, type NumericName } from '../../../shared/runtime/onnx/elements.ts'
import type { TensorSpec } from '../../../shared/runtime/onnx/onnx-model.ts'
import {
  bfloat16,
  decodeSmallFloat,
  encodeSmallFloat,
  float16,
} from '../../../shared/runtime/onnx/small-floats.ts'
import { readTensors } from '../../../shared/runtime/onnx/tensor-input.ts'
import { writeTensors } from '../../../shared/runtime/onnx/tensor-output.ts'

const spec = (name: string, type: ElementName, shape?: TensorSpec['shape']): TensorSpec => ({
  name,
  type: elementTypeNamed(type)!,
  shape,
})
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const one = [spec('x', 'float32', ['n', 2])]

/** What the input is understood as, written out again; or why it is not understood. */
function readBack(input: string | Uint8Array, specs: readonly TensorSpec[] = one): string {
  const read = readTensors(typeof input === 'string' ? utf8(input) : input, specs)
  if (read.kind === 'refused') return `${read.error}: ${read.message}`
  return new TextDecoder().decode(writeTensors(read.tensors, read.form, 1e6))
}

function binary(header: unknown, data: readonly number[]): Uint8Array {
  const text = utf8(JSON.stringify(header))
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, text.length, true)
  return Uint8Array.from([...utf8('\0tensors'), ...length, ...text, ...data])
}

describe('SBX-04 tensors as JSON', () => {
  test.each([
    ['{"x":[[1,2],[3,4]]}', '{"x":{"type":"float32","shape":[2,2],"data":[1,2,3,4]}}'],
    ['[[0.1,-0]]', '{"x":{"type":"float32","shape":[1,2],"data":[0.1,-0]}}'],
    ['[["NaN","-Infinity"]]', '{"x":{"type":"float32","shape":[1,2],"data":["NaN","-Infinity"]}}'],
    ['{"x":{"shape":[2,2],"data":[1,2,3,4]}}', '{"x":{"type":"float32","shape":[2,2],"data":[1,2,3,4]}}'],
    ['{"x":{"type":"float32","data":[[1,2]]}}', '{"x":{"type":"float32","shape":[1,2],"data":[1,2]}}'],
    ['{"x":{"shape":[0,2],"data":[]}}', '{"x":{"type":"float32","shape":[0,2],"data":[]}}'],
  ])('%s', (input, understood) => {
    expect(readBack(input)).toBe(understood)
  })

  test('of every type, in the model’s order of inputs', () => {
    const specs = [
      spec('i', 'int64', [3]),
      spec('u', 'uint64', []),
      spec('b', 'bool', [2]),
      spec('s', 'string', [2]),
      spec('h', 'float16'),
      spec('t', 'int8', ['a', null]),
    ]
    const input =
      '{"t":[[-128,"127"]],"h":[0.1,65504,"Infinity"],"s":["é","\\u0001"],"b":[true,false],"u":"18446744073709551615","i":[9007199254740991,"-9223372036854775808",-1]}'
    expect(readBack(input, specs)).toBe(
      '{"i":{"type":"int64","shape":[3],"data":[9007199254740991,"-9223372036854775808",-1]},' +
        '"u":{"type":"uint64","shape":[],"data":["18446744073709551615"]},' +
        '"b":{"type":"bool","shape":[2],"data":[true,false]},' +
        '"s":{"type":"string","shape":[2],"data":["é","\\u0001"]},' +
        '"h":{"type":"float16","shape":[3],"data":[0.1,65500,"Infinity"]},' +
        '"t":{"type":"int8","shape":[1,2],"data":[-128,127]}}',
    )
  })

  test('a model without inputs takes an empty object or null', () => {
    expect(readBack('{}', [])).toBe('{}')
    expect(readBack('null', [])).toBe('{}')
    expect(readBack('[]', [])).toContain('thrown')
  })

  test.each([
    ['', 'notJson: The input is neither JSON nor tensors in bytes'],
    ['{', 'notJson: The input is neither JSON nor tensors in bytes'],
    ['[[1,2]] x', 'notJson: The input is neither JSON nor tensors in bytes'],
    ['\uFEFF[[1,2]]', 'notJson: The input is neither JSON nor tensors in bytes'],
    ['{}', 'thrown: The input x is missing; the model takes x: float32 [n, 2]'],
    ['{"x":[[1,2]],"z":1}', 'thrown: The model has no input z; the model takes x: float32 [n, 2]'],
    ['{"__proto__":[[1,2]]}', 'thrown: The model has no input __proto__; the model takes x: float32 [n, 2]'],
    ['[1,2]', 'thrown: The input x has shape [2], but the model takes [n, 2]'],
    ['[[1,2,3]]', 'thrown: The input x has shape [1, 3], but the model takes [n, 2]'],
    ['[[1,2],[3]]', 'thrown: The input x is uneven: its dimension 2 has rows of different lengths'],
    ['[[1,2],3]', 'thrown: The input x has to be numbers, strings or booleans in arrays of even lengths'],
    ['[[1,{}]]', 'thrown: The input x has to be numbers, strings or booleans in arrays of even lengths'],
    ['[[1,null]]', 'thrown: The input x has to be numbers, strings or booleans in arrays of even lengths'],
    [
      '[[1,true]]',
      'thrown: Element 1 of the input x is true, but float32 takes a number, "NaN", "Infinity" or "-Infinity"',
    ],
    [
      '[[1,"1"]]',
      'thrown: Element 1 of the input x is "1", but float32 takes a number, "NaN", "Infinity" or "-Infinity"',
    ],
    [
      '[[1,1e39]]',
      'thrown: Element 1 of the input x is 1e+39, but float32 takes a number that the type can hold',
    ],
    [
      '{"x":{"type":"int8","data":[[1,2]]}}',
      'thrown: The input x is given as "int8", but the model takes float32',
    ],
    ['{"x":{"shape":[2,2],"data":[1,2]}}', 'thrown: The input x of shape [2, 2] takes 4 elements, not 2'],
    [
      '{"x":{"shape":[-1,2],"data":[]}}',
      'thrown: The shape of the input x has to be an array of at most 32 sizes',
    ],
    [
      '{"x":{"shape":"2","data":[]}}',
      'thrown: The shape of the input x has to be an array of at most 32 sizes',
    ],
    ['{"x":{"shape":[9e15,2],"data":[]}}', 'thrown: The input x has more than 2147483648 elements'],
    [
      '{"x":{"data":[[1,2]],"scale":1}}',
      'thrown: The input x has a field scale; it takes type, shape and data',
    ],
    ['{"x":{}}', 'thrown: The input x has shape [], but the model takes [n, 2]'],
  ])('refuses %s', (input, reason) => {
    expect(readBack(input)).toBe(reason)
  })

  test('refuses integers that the type cannot hold or that JSON has rounded', () => {
    const wanted = (type: ElementName, element: string): string =>
      readBack(`[${element}]`, [spec('x', type, [1])])
    for (const element of ['128', '-129', '1.5', '"1.5"', '"0x1"', 'true', '"NaN"']) {
      expect(wanted('int8', element)).toContain('int8 takes a whole number from -128 to 127')
    }
    for (const element of ['9007199254740992', '"9223372036854775808"', '1e300']) {
      expect(wanted('int64', element)).toContain('int64 takes a whole number')
    }
    expect(wanted('uint8', '-1')).toContain('uint8 takes')
    expect(wanted('bool', '1')).toContain('bool takes true or false')
    expect(wanted('string', '"a\\u0000b"')).toContain('a string without U+0000')
    expect(wanted('string', '1')).toContain('a string')
  })

  test('refuses bytes that are no text, and arrays without end', () => {
    expect(readBack(Uint8Array.of(0x22, 0xff, 0x22))).toContain('notJson')
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    expect(readBack(deep)).toContain('more than 32 dimensions')
  })

  test('says no more of a long input than is read', () => {
    expect(readBack(JSON.stringify([[1, 'x'.repeat(10_000)]])).length).toBeLessThan(300)
  })
})

describe('SBX-04 tensors as bytes', () => {
  const header = [{ name: 'x', type: 'float32', shape: [1, 2] }]
  const data = [...new Uint8Array(Float32Array.of(0.5, -3).buffer)]

  test('are given back as bytes', () => {
    const read = readTensors(binary(header, data), one)
    expect(read).toMatchObject({ kind: 'tensors', form: 'bytes', tensors: [{ shape: [1, 2] }] })
    if (read.kind === 'tensors')
      expect(writeTensors(read.tensors, 'bytes', 100)).toEqual(binary(header, data))
  })

  test('give every NaN its one form, and no tensor of strings', () => {
    const nan = [1, 0, 0xc0, 0xff, 0, 0, 0x80, 0x7f]
    const read = readTensors(binary(header, nan), one)
    if (read.kind !== 'tensors') throw new Error(read.message)
    expect(writeTensors(read.tensors, 'bytes', 100)).toEqual(
      binary(header, [0, 0, 0xc0, 0x7f, 0, 0, 0x80, 0x7f]),
    )
    const words = [{ name: 'y', type: elementTypeNamed('string')!, shape: [1], data: ['a'] }]
    expect(new TextDecoder().decode(writeTensors(words, 'bytes', 100))).toBe(
      '{"y":{"type":"string","shape":[1],"data":["a"]}}',
    )
  })

  test.each([
    ['a header cut off', binary(header, data).subarray(0, 20)],
    ['no length', utf8('\0tensors')],
    ['data cut off', binary(header, data.slice(1))],
    ['data too long', binary(header, [...data, 0])],
    ['another name', binary([{ ...header[0], name: 'z' }], data)],
    ['a tensor twice', binary([...header, ...header], [...data, ...data])],
    ['another type', binary([{ ...header[0], type: 'int32' }], data)],
    ['another shape', binary([{ ...header[0], shape: [2] }], data)],
    ['no shape', binary([{ name: 'x', type: 'float32' }], data)],
    ['no tensor', binary([], [])],
    ['a header that is no array', binary({}, [])],
    ['a null for a tensor', binary([null], [])],
  ])('refuses %s', (_, input) => {
    expect(readBack(input)).toMatch(/^thrown: /)
  })

  test('refuses a header that is no JSON, strings, and booleans that are neither', () => {
    const broken = binary(header, data)
    broken[12] = 0xff
    expect(readBack(broken)).toContain('notJson')
    expect(
      readBack(binary([{ name: 'x', type: 'string', shape: [0] }], []), [spec('x', 'string', [0])]),
    ).toContain('as JSON only')
    expect(
      readBack(binary([{ name: 'x', type: 'bool', shape: [1] }], [2]), [spec('x', 'bool', [1])]),
    ).toContain('0 or 1')
  })
})

describe('SBX-02 numbers as text', () => {
  const text = (name: NumericName, bytes: ArrayBufferView): string =>
    elementCodecs[name].text(new DataView(bytes.buffer), 0)

  test('a float32 has the fewest digits, of six to nine, that give it back', () => {
    const shown = (number: number): string => text('float32', Float32Array.of(number))
    expect([0.1, 1 / 3, 16_777_216, 1e21, 1e-7, 3.4028234663852886e38, 123456.789].map(shown)).toEqual([
      '0.1',
      '0.33333334',
      '16777216',
      '1e+21',
      '1e-7',
      '3.4028235e+38',
      '123456.79',
    ])
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(Math.fround(Number(shown(number)))).toBe(number)
      }),
      { seed: 5, numRuns: 3_000 },
    )
  })

  test('every 16-bit number comes back from its text', () => {
    for (const [name, format] of [
      ['float16', float16],
      ['bfloat16', bfloat16],
    ] as const) {
      const view = new DataView(new ArrayBuffer(2))
      for (let bits = 0; bits < 65_536; bits++) {
        const number = decodeSmallFloat(format, bits)
        if (Number.isNaN(number)) continue
        expect(encodeSmallFloat(format, number)).toBe(bits)
        view.setUint16(0, bits, true)
        const shown = JSON.parse(elementCodecs[name].text(view, 0))
        expect(elementCodecs[name].write(view, 0, shown)).toBeUndefined()
        if (view.getUint16(0, true) !== bits)
          throw new Error(`${name} ${bits} came back as ${view.getUint16(0, true)}`)
      }
    }
  })

  test('16-bit numbers are rounded to the nearest, half to even', () => {
    const half = (number: number): number => decodeSmallFloat(float16, encodeSmallFloat(float16, number))
    expect([2049, 2051, 65_519, 65_520, 2 ** -25, 2 ** -25 * 1.001, 2 ** -24 * 1.5].map(half)).toEqual([
      2048,
      2052,
      65_504,
      Number.POSITIVE_INFINITY,
      0,
      2 ** -24,
      2 ** -23,
    ])
    expect(encodeSmallFloat(bfloat16, 1 + 2 ** -8)).toBe(0x3f80)
    expect(encodeSmallFloat(bfloat16, 1 + 2 ** -8 + 2 ** -30)).toBe(0x3f81)
    expect(encodeSmallFloat(float16, Number.NaN)).toBe(0x7e00)
  })

  test('a NaN is a NaN, whatever its bits', () => {
    expect(text('float32', Uint32Array.of(0xffc12345))).toBe('"NaN"')
    expect(text('float64', BigUint64Array.of(0xfff8_0000_0000_0001n))).toBe('"NaN"')
    expect(text('float16', Uint16Array.of(0xfe01))).toBe('"NaN"')
  })

  test('an output over its limit is none, at the first byte too many', () => {
    const read = readTensors(utf8('[[1,2]]'), one)
    if (read.kind !== 'tensors') throw new Error(read.message)
    const whole = writeTensors(read.tensors, 'json', 1_000)!
    expect(writeTensors(read.tensors, 'json', whole.length)).toEqual(whole)
    expect(writeTensors(read.tensors, 'json', whole.length - 1)).toBeUndefined()
    expect(writeTensors(read.tensors, 'bytes', 10)).toBeUndefined()
    const accents = [{ name: 'y', type: elementTypeNamed('string')!, shape: [1], data: ['ééé'] }]
    const length = writeTensors(accents, 'json', 1_000)!.length
    expect(writeTensors(accents, 'json', length - 1)).toBeUndefined()
  })
})
