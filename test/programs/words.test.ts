import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runProgram } from './run-program.ts'

const seed = 20_261_121
const example = pathToFileURL(join(import.meta.dirname, '../../programs/examples/word-count.js')).href
const { default: reference } = (await import(/* @vite-ignore */ example)) as {
  default: (text: string) => Record<string, number>
}

function expectSame(text: string): void {
  expect(runProgram('word_count', text).output).toBe(JSON.stringify(reference(text)))
}

describe('TSK-02 word_count does as its example in JavaScript', () => {
  test('for every character by itself and inside a word', () => {
    for (let first = 0; first <= 0x10ffff; first += 0x2000) {
      let text = ''
      for (let point = first; point < first + 0x2000; point++) {
        if (point < 0xd800 || point > 0xdfff)
          text += `${String.fromCodePoint(point)} a${String.fromCodePoint(point)}b `
      }
      expectSame(text)
    }
  })

  test('for every pair of a letter and a mark', () => {
    const marks: string[] = []
    const letters: string[] = []
    for (let point = 0; point < 0x20000; point++) {
      const text = String.fromCodePoint(point)
      if (/^\p{M}$/u.test(text)) marks.push(text)
      else if (text.normalize('NFD') !== text && !/^\p{Script=Hangul}$/u.test(text)) letters.push(text)
    }
    for (const [index, letter] of letters.entries()) {
      if (index % 40 === 0) expectSame(marks.map((mark) => letter.normalize('NFD') + mark).join(' '))
    }
  })

  test('for marks in any order', () => {
    const marks = [
      ...'\u0300\u0301\u0308\u0323\u0327\u0328\u0334\u0345\u0315\u031b\u05b0\u0651\u093c\u3099\u1d165',
    ]
    const jamo = [...'\u1100\u1161\u11a8\u1112\u1175\u11c2가각힣']
    const bases = [...'aAeoǖΣσςΐẶſŒœİıdŽ가क\u0915\u09c7\u09be']
    const text = fc.array(fc.constantFrom(...marks, ...marks, ...jamo, ...bases, ' ', "'", '’'), {
      maxLength: 40,
    })
    fc.assert(
      fc.property(text, (parts) => expectSame(parts.join(''))),
      { numRuns: 5_000, seed },
    )
  })

  test('for capital sigmas at the end of words and elsewhere', () => {
    const parts = fc.array(
      fc.constantFrom('Σ', 'Σ', 'α', 'A', '\u0301', "'", '.', '·', ' ', '1', '😀', '𝐀', '\ud800', '\udc00'),
      {
        maxLength: 12,
      },
    )
    fc.assert(
      fc.property(parts, (list) => expectSame(list.join(''))),
      { numRuns: 5_000, seed },
    )
  })

  test('for any string', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), expectSame), {
      numRuns: 1_000,
      seed,
    })
  })

  test('for numbers as words, which come first and by their size', () => {
    expectSame('10 9 0 00 01 4294967294 4294967295 4294967296 99999999999999999999 b a ٣ 007 1e3 x')
  })
})
