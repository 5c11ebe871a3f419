import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { languageTable, power10Table, unicodeTable } from '../../scripts/program-tables.ts'

const checkedIn = (name: string) =>
  readFileSync(new URL(`../../programs/lib/${name}`, import.meta.url), 'utf8')

test('SBX-02 the powers of ten that programs carry are what exact arithmetic gives', () => {
  expect(checkedIn('power10-table.ts')).toBe(power10Table())
})

test('SBX-02 the letters that programs know are those of the Unicode version that the table names', () => {
  const table = checkedIn('unicode-table.ts')
  const version = /from Unicode (\S+)\.\n/.exec(table)?.[1]
  expect(version).toMatch(/^\d+\.\d+$/)
  if (version === process.versions.unicode) expect(table).toBe(unicodeTable())
})

test('SBX-02 the profiles of languages are what their texts give', () => {
  expect(checkedIn('language-table.ts')).toBe(languageTable())
})
