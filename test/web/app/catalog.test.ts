import { expect, test } from 'vitest'
import { Refusal } from '../../../shared/kernel/refusal.ts'
import { builtIns } from '../../../shared/runtime/built-in.ts'
import { catalog, readOptions, withOptions } from '../../../web/app/catalog.ts'
import { guessItems } from '../../../web/app/items.ts'
import { itemsOf } from '../../../web/app/items-of.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

test('WEB-02 every built-in program is offered, with a title of its own', () => {
  const names = catalog.map(({ name }) => name)
  expect(names).toEqual([...builtIns.map(({ name }) => name), 'penguins'])
  expect(new Set(catalog.map(({ title }) => title)).size).toBe(catalog.length)
  for (const { name, title } of catalog) expect(title).not.toBe(name)
})

test.each(builtIns)('WEB-02 the form as it is filled for $name makes its example', ({ name, example }) => {
  const entry = catalog.find((each) => each.name === name)!
  const items = itemsOf(bytesOf(entry.example.text), entry.example.items)
  const options = readOptions(entry.options ?? '')
  if (items instanceof Refusal || typeof options === 'string') throw new Error('the example cannot be read')
  expect(items).toHaveLength(1)
  const input = entry.subject === undefined ? items[0]! : withOptions(items[0]!, entry.subject, options)
  if (entry.group !== 'Tables') return expect(input).toEqual(example)
  // Its table stands there as CSV.
  const { data, ...rest } = example as { data: readonly object[] }
  const csv = [Object.keys(data[0]!), ...data.map((row) => Object.values(row))]
    .map((row) => `${row}\n`)
    .join('')
  expect(input).toEqual(Object.keys(rest).length === 0 ? csv : { data: csv, ...rest })
})

test('WEB-02 what an item says itself goes before the options', () => {
  expect(withOptions({ data: [1], by: 'own' }, 'data', { by: 'other', k: 2 })).toEqual({
    data: [1],
    by: 'own',
    k: 2,
  })
  expect(withOptions([{ data: 1 }], 'data', { k: 2 })).toEqual({ data: [{ data: 1 }], k: 2 })
  expect(withOptions('text', 'text', {})).toBe('text')
})

test.each(['[1]', '"a"', 'null', '{"a": }', 'top: 5'])('WEB-02 options %s are refused with words', (text) => {
  expect(readOptions(text)).toMatch(/^The options (have to be an object in JSON|are not JSON: )/)
})

test('WEB-02 a file’s items are guessed by its name and by what the program takes as a whole', () => {
  expect(guessItems('A.CSV', undefined)).toBe('csv')
  expect(guessItems('a.csv', 'text')).toBe('text')
  expect(guessItems('a.json', undefined)).toBe('json')
  expect(guessItems('a.json', 'text')).toBe('value')
  expect(guessItems('book.txt', undefined)).toBe('lines')
})

test.each(['', ' \n\t\r\n'])('TSK-13 an empty input %j has no items, in JSON as well', (text) => {
  for (const kind of ['json', 'value', 'csv'] as const) expect(itemsOf(bytesOf(text), kind)).toEqual([])
  expect(itemsOf(bytesOf(''), 'lines')).toEqual([])
  expect(itemsOf(bytesOf(text), 'text')).toEqual([text])
})

test('TSK-13 one item is a text or JSON as is said, whatever it looks like', () => {
  expect(itemsOf(bytesOf('[1, 2]'), 'text')).toEqual(['[1, 2]'])
  expect(itemsOf(bytesOf('[1, 2]'), 'value')).toEqual([[1, 2]])
  expect(itemsOf(bytesOf('[1, 2'), 'value')).toBeInstanceOf(Refusal)
  expect(itemsOf(Uint8Array.of(0xff), 'text')).toBeInstanceOf(Refusal)
})
