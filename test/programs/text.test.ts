import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { languageTexts } from '../../scripts/program-tables.ts'
import { answerOf, runProgram } from './run-program.ts'

const seed = 20_261_121
const birds = readFileSync(
  new URL('../../node_modules/vega-datasets/data/birdstrikes.csv', import.meta.url),
  'utf8',
)
const wordsOf = (text: string): readonly string[] =>
  text
    .normalize('NFC')
    .toLowerCase()
    .match(/[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*/gu) ?? []
const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

describe('TSK-02 ngram_count', () => {
  const counted = (grams: readonly string[]) => {
    const counts = new Map<string, number>()
    for (const gram of grams) counts.set(gram, (counts.get(gram) ?? 0) + 1)
    return [...counts]
      .map(([ngram, count]) => ({ ngram, count }))
      .sort((a, b) => b.count - a.count || (a.ngram < b.ngram ? -1 : 1))
  }
  const wordGrams = (text: string, n: number) => {
    const words = wordsOf(text)
    return words.slice(n - 1).map((_, i) => words.slice(i, i + n).join(' '))
  }
  const characterGrams = (text: string, n: number) =>
    wordsOf(text).flatMap((word) => {
      const points = [...word]
      return points.slice(n - 1).map((_, i) => points.slice(i, i + n).join(''))
    })

  test.each([1, 2, 3, 5])('counts %i words of a real text as counting by hand does', (n) => {
    const text = birds.slice(0, 60_000)
    expect(answerOf('ngram_count', { text, n })).toEqual(counted(wordGrams(text, n)))
  })

  test('counts any text, by words and by characters', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab Aé😀ß \u0301'), maxLength: 60 })
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 4 }), (text, n) => {
        expect(answerOf('ngram_count', { text, n })).toEqual(counted(wordGrams(text, n)))
        expect(answerOf('ngram_count', { text, n, unit: 'character' })).toEqual(
          counted(characterGrams(text, n)),
        )
      }),
      { numRuns: 300, seed },
    )
  })

  test('counts pairs of words when no more is said', () => {
    expect(answerOf('ngram_count', 'to be or not to be')).toEqual([
      { ngram: 'to be', count: 2 },
      { ngram: 'be or', count: 1 },
      { ngram: 'not to', count: 1 },
      { ngram: 'or not', count: 1 },
    ])
    expect(answerOf('ngram_count', { text: 'to be or not to be', top: 1 })).toEqual([
      { ngram: 'to be', count: 2 },
    ])
    expect(answerOf('ngram_count', '')).toEqual([])
  })

  test.each([
    [['a'], 'the text has to be a string, and is an array'],
    [{ n: 2 }, 'the input is an object without "text"'],
    [{ text: 'a', n: 0 }, '"n" has to be a whole number from 1 to 10'],
    [{ text: 'a', n: '2' }, '"n" has to be a whole number from 1 to 10'],
    [{ text: 'a', unit: 'byte' }, '"unit" has to be "word" or "character"'],
    [{ text: 'a', size: 2 }, 'there is no option "size"; there are text, n, unit, top'],
  ])('refuses %j', (input, message) => {
    expect(runProgram('ngram_count', input)).toEqual({ exitCode: 1, output: '', message })
  })
})

describe('TSK-02 keywords', () => {
  test('agrees with the formula', () => {
    const documents = birds.split('\n').slice(1, 120)
    const lists = documents.map(wordsOf)
    const scores = lists.map((words) =>
      [...new Set(words)]
        .map((word) => {
          const share = words.filter((other) => other === word).length / words.length
          const having = lists.filter((list) => list.includes(word)).length
          return { word, score: share * (Math.log((1 + lists.length) / (1 + having)) + 1) }
        })
        .sort((a, b) => (Math.abs(b.score - a.score) > 1e-12 ? b.score - a.score : a.word < b.word ? -1 : 1))
        .slice(0, 5)
        .map(({ word, score }) => ({ word, score: expect.closeTo(score, 12) })),
    )
    expect(answerOf('keywords', { documents, top: 5 })).toEqual(scores)
  })

  test.each([
    [[], []],
    [
      ['', '!'],
      [[], []],
    ],
    [
      'Cats and cats',
      [
        [
          { word: 'cats', score: expect.closeTo(2 / 3, 12) },
          { word: 'and', score: expect.closeTo(1 / 3, 12) },
        ],
      ],
    ],
  ])('of %j', (input, wanted) => {
    expect(answerOf('keywords', input)).toEqual(wanted)
  })

  test.each([
    [5, 'the documents have to be an array of texts, and are a number'],
    [['a', null], 'document 2 has to be a text, and is null'],
    [{ documents: ['a'], top: 0 }, '"top" has to be a whole number from 1 to 1000000'],
  ])('refuses %j', (input, message) => {
    expect(runProgram('keywords', input)).toEqual({ exitCode: 1, output: '', message })
  })

  test('takes a megabyte of documents', () => {
    const documents = Array.from({ length: 2_000 }, (_, i) =>
      `${'common '.repeat(60)}word${i} `.repeat(1 + (i % 2)),
    )
    const answer = answerOf('keywords', { documents, top: 1 }) as { word: string }[][]
    expect(answer).toHaveLength(2_000)
  })
})

describe('TSK-02 search', () => {
  const positionsOf = (text: string, query: string, flags: string) =>
    [...text.matchAll(new RegExp(escaped(query), flags))].map(({ index }) => index)

  test('finds what JavaScript finds in a real text, whatever its case', () => {
    for (const query of ['Bird', 'the', 'A', ',', 'TEXAS', 'no such thing']) {
      const positions = positionsOf(birds, query, 'gu')
      expect(answerOf('search', { text: birds, query })).toEqual({ count: positions.length, positions })
      const any = positionsOf(birds, query, 'giu')
      expect(answerOf('search', { text: birds, query, ignoreCase: true })).toEqual({
        count: any.length,
        positions: any,
      })
    }
  })

  test('folds the case of every letter as the standard does, one character for one', () => {
    const letters: string[] = []
    for (let point = 0x41; point < 0x1f000; point++) {
      const text = String.fromCodePoint(point)
      if (/^[\p{Changes_When_Casemapped}\p{Changes_When_Casefolded}]$/u.test(text)) letters.push(text)
    }
    const text = letters.join(' ')
    expect(letters.length).toBeGreaterThan(2_800)
    for (const [index, query] of letters.entries()) {
      if (index % 9 !== 0 && !'KkKſsSßẞσςΣıİi'.includes(query)) continue
      const positions = positionsOf(text, query, 'giu')
      expect(answerOf('search', { text, query, ignoreCase: true })).toEqual({
        count: positions.length,
        positions,
      })
    }
  })

  test('finds anything in anything', () => {
    const unit = fc.constantFrom('a', 'b', 'A', 'ß', 'ẞ', 'σ', 'ς', '𐐀', '𐐨', ' ')
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 60 }),
        fc.string({ unit, minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (text, query, ignoreCase) => {
          const positions = positionsOf(text, query, ignoreCase ? 'giu' : 'gu')
          expect(answerOf('search', { text, query, ignoreCase })).toEqual({
            count: positions.length,
            positions,
          })
        },
      ),
      { numRuns: 2_000, seed },
    )
  })

  test('finds what overlaps itself', () => {
    const unit = fc.constantFrom('a', 'b')
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 200 }),
        fc.string({ unit, minLength: 1, maxLength: 8 }),
        (text, query) => {
          const positions = positionsOf(text, query, 'gu')
          expect(answerOf('search', { text, query })).toEqual({ count: positions.length, positions })
        },
      ),
      { numRuns: 2_000, seed },
    )
  })

  test('takes no longer for a text that nearly fits everywhere', () => {
    const text = 'a'.repeat(1_000_000)
    expect(answerOf('search', { text, query: `${'a'.repeat(50_000)}b` })).toEqual({ count: 0, positions: [] })
  })

  test.each([
    ['a', '"query" is missing'],
    [{ text: 'a', query: '' }, '"query" is empty'],
    [{ text: 'a', query: 1 }, '"query" has to be a string, and is a number'],
    [{ text: 'a', query: 'a', ignoreCase: 'yes' }, '"ignoreCase" has to be true or false'],
    [{ text: 1, query: 'a' }, 'the text has to be a string, and is a number'],
  ])('refuses %j', (input, message) => {
    expect(runProgram('search', input)).toEqual({ exitCode: 1, output: '', message })
  })
})

describe('TSK-02 replace', () => {
  test('does as JavaScript does', () => {
    const unit = fc.constantFrom('a', 'b', 'A', 'É', 'é', '😀', ' ')
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 50 }),
        fc.string({ unit, minLength: 1, maxLength: 3 }),
        fc.string({ unit, maxLength: 4 }),
        fc.boolean(),
        (text, query, replacement, ignoreCase) => {
          const pattern = new RegExp(escaped(query), ignoreCase ? 'giu' : 'gu')
          expect(answerOf('replace', { text, query, replacement, ignoreCase })).toEqual({
            count: [...text.matchAll(pattern)].length,
            text: text.replace(pattern, () => replacement),
          })
        },
      ),
      { numRuns: 2_000, seed },
    )
  })

  test('takes a megabyte', () => {
    const answer = answerOf('replace', { text: 'ab'.repeat(400_000), query: 'b', replacement: 'ccc' })
    expect(answer).toEqual({ count: 400_000, text: 'accc'.repeat(400_000) })
  })

  test.each([
    [{ text: 'a', query: 'b' }, '"replacement" is missing'],
    [{ text: 'a', query: '', replacement: '' }, '"query" is empty'],
    [
      { text: 'a'.repeat(100_000), query: 'a', replacement: 'a'.repeat(100_000) },
      'the text would be too long with its replacements',
    ],
  ])('refuses %#', (input, message) => {
    expect(runProgram('replace', input)).toEqual({ exitCode: 1, output: '', message })
  })
})

describe('TSK-02 language', () => {
  const languages = languageTexts()

  test('knows nearly every sentence that it did not learn from', () => {
    const wrong = Object.entries(languages).flatMap(([code, { hold }]) =>
      hold.filter((text) => (answerOf('language', text) as { language: string }).language !== code),
    )
    const count = Object.values(languages).flatMap(({ hold }) => hold).length
    expect(count).toBe(70)
    expect(1 - wrong.length / count).toBeGreaterThan(0.95)
  })

  test('is sure of a longer text, and says how sure', () => {
    for (const [code, { name, hold }] of Object.entries(languages)) {
      const answer = answerOf('language', { text: hold.join(' ').toUpperCase(), top: 2 }) as {
        ranking: { language: string; probability: number }[]
      }
      expect(answer).toMatchObject({ language: code, name })
      expect(answer.ranking).toHaveLength(2)
      expect(answer.ranking[0]!.probability).toBeGreaterThan(0.95)
    }
  })

  test.each(['', '12345 !?', '日本語のテキスト', '\ud800'])('knows none of %j', (text) => {
    expect(answerOf('language', text)).toEqual({ language: null, name: null, evidence: 0, ranking: [] })
  })

  test('takes a megabyte', () => {
    const text = languages['nl']!.learn.repeat(1_300)
    expect(text.length).toBeGreaterThan(1_000_000)
    expect(answerOf('language', text)).toMatchObject({ language: 'nl' })
  })

  test.each([
    [null, 'the text has to be a string, and is null'],
    [{ text: 'a', top: 0 }, '"top" has to be a whole number from 1 to 100'],
  ])('refuses %j', (input, message) => {
    expect(runProgram('language', input)).toEqual({ exitCode: 1, output: '', message })
  })
})
