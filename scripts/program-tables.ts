// Writes the tables that the programs' library carries: powers of ten, and what Unicode says of letters. They are checked in, so
// that a program's bytes hang on no machine's Unicode version. `node scripts/program-tables.ts` after a new Unicode.
import { readFileSync, writeFileSync } from 'node:fs'

const folder = new URL('../programs/lib/', import.meta.url)
const pointMax = 0x10ffff
const perLine = 10

/** `programs/lib/power10-table.ts`: 128 leading bits of the powers of ten from -342 to 324, rounded down, as pairs of 64. */
export function power10Table(): string {
  const numbers: string[] = []
  for (let exponent = -342; exponent <= 324; exponent++) {
    const bits = leading128(exponent)
    numbers.push(hex(bits >> 64n), hex(bits & 0xffff_ffff_ffff_ffffn))
  }
  return `// Made by scripts/program-tables.ts.\n${table('powers', 'u64', numbers, 4)}`
}

function leading128(exponent: number): bigint {
  if (exponent >= 0) {
    const power = 10n ** BigInt(exponent)
    const shift = BigInt(power.toString(2).length - 128)
    return shift >= 0n ? power >> shift : power << -shift
  }
  const power = 10n ** BigInt(-exponent)
  return (1n << BigInt(power.toString(2).length + 127)) / power
}

/** `programs/lib/unicode-table.ts`. */
export function unicodeTable(): string {
  const { version, tables } = { version: process.versions.unicode, tables: unicodeTables() }
  return `// Made by scripts/program-tables.ts from Unicode ${version}.\n${tables.join('\n')}`
}

function unicodeTables(): string[] {
  const decompositions = canonicalPairs()
  const composable = decompositions.filter(([point]) => composes(point))
  const second = new Set(composable.map(([, , b]) => b))
  const classes = combiningClasses()
  const order = composable
    .map(([point, a, b]) => ({ index: decompositions.findIndex(([known]) => known === point), a, b }))
    .sort((x, y) => x.a - y.a || x.b - y.b)
  const isSuspect = (point: number) =>
    classes.has(point) || second.has(point) || isJamo(point) || nfc(point) !== String.fromCodePoint(point)
  return [
    '/** Letters, marks and numbers: first and last of each run. */',
    table('wordRuns', 'u32', flat(runsOf(/^[\p{L}\p{M}\p{N}]$/u)), perLine),
    '/** Letters: first and last of each run. */',
    table('letterRuns', 'u32', flat(runsOf(/^\p{L}$/u)), perLine),
    '/** Cased characters, and those that case looks through: first and last of each run. */',
    table('casedRuns', 'u32', flat(runsOf(/^\p{Cased}$/u)), perLine),
    table('caseIgnorableRuns', 'u32', flat(runsOf(/^\p{Case_Ignorable}$/u)), perLine),
    '/** Lower case: first, last, distance from one to the next, and what is added. */',
    table('lowerRuns', 'i32', mappingRuns(lowerCase), 4 * 4),
    '/** One of each set that simple case folding holds to be the same, in the same form. */',
    table('foldRuns', 'i32', mappingRuns(folding()), 4 * 4),
    '/** Characters that a normalised (NFC) text may not have, or not everywhere: first and last of each run. */',
    table('suspectRuns', 'u32', flat(runsWhere(isSuspect)), perLine),
    '/** Canonical decompositions: character, first (the highest bit set if the two compose again), second or 0. */',
    table(
      'decompositions',
      'u32',
      decompositions.flatMap(([point, a, b]) => [point, composes(point) ? (a | 0x80000000) >>> 0 : a, b]),
      9,
    ),
    '/** Rows of the above that compose, ordered by their two characters. */',
    table(
      'compositionOrder',
      'u16',
      order.map(({ index }) => index),
      16,
    ),
    '/** Marks that canonical ordering moves: first and last of each run, and the rank among them. */',
    table('combiningRuns', 'u32', combiningRuns(classes), 3 * 4),
  ]
}

function nfc(point: number): string {
  return String.fromCodePoint(point).normalize('NFC')
}

function isSurrogate(point: number): boolean {
  return point >= 0xd800 && point <= 0xdfff
}

/** Hangul is composed by arithmetic. */
function isHangul(point: number): boolean {
  return point >= 0xac00 && point <= 0xd7a3
}

function isJamo(point: number): boolean {
  return point >= 0x1161 && point <= 0x11c2
}

function composes(point: number): boolean {
  return nfc(point) === String.fromCodePoint(point)
}

function canonicalPairs(): [point: number, first: number, second: number][] {
  const whole = new Map<string, number>()
  const points: number[] = []
  for (let point = 0; point <= pointMax; point++) {
    if (isSurrogate(point) || isHangul(point)) continue
    const text = String.fromCodePoint(point)
    const decomposed = text.normalize('NFD')
    if (decomposed === text) continue
    points.push(point)
    if (composes(point) || !whole.has(decomposed)) whole.set(decomposed, point)
  }
  return points.map((point) => {
    const parts = [...String.fromCodePoint(point).normalize('NFD')]
    const last = parts.at(-1)!.codePointAt(0)!
    if (parts.length === 1) return [point, last, 0]
    const head = parts.slice(0, -1).join('')
    const first = parts.length === 2 ? head.codePointAt(0) : whole.get(head)
    if (first === undefined) throw new Error(`U+${point.toString(16)} has no pair`)
    return [point, first, last]
  })
}

/** A rank for each mark with a combining class that is not 0: the same for the same class, and in the same order. */
function combiningClasses(): Map<number, number> {
  const lowest = '\u0334'
  const highest = '\u0345'
  const moves = (a: string, b: string) => `${a}${b}`.normalize('NFD') === `${b}${a}`
  const marks: string[] = []
  for (let point = 0; point <= pointMax; point++) {
    if (isSurrogate(point)) continue
    const text = String.fromCodePoint(point)
    if (text.normalize('NFD') !== text) continue
    if (text === lowest || text === highest || moves(text, lowest) || moves(highest, text)) marks.push(text)
  }
  const kinds: string[][] = []
  for (const mark of marks) {
    const same = kinds.find(([known]) => !moves(mark, known!) && !moves(known!, mark))
    if (same === undefined) kinds.push([mark])
    else same.push(mark)
  }
  kinds.sort(([a], [b]) => (moves(a!, b!) ? 1 : -1))
  return new Map(
    kinds.flatMap((kind, index) => kind.map((mark) => [mark.codePointAt(0)!, index + 1] as const)),
  )
}

function combiningRuns(classes: ReadonlyMap<number, number>): number[] {
  const runs: [number, number, number][] = []
  for (const [point, rank] of [...classes].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1)
    if (last?.[1] === point - 1 && last[2] === rank) last[1] = point
    else runs.push([point, point, rank])
  }
  return runs.flat()
}

/** The one lower-case letter of a letter; U+0130 has two and is no business of this table. */
function lowerCase(point: number): number {
  const lower = [...String.fromCodePoint(point).toLowerCase()]
  return lower.length === 1 ? lower[0]!.codePointAt(0)! : point
}

function folding(): (point: number) => number {
  const cased: string[] = []
  for (let point = 0; point <= pointMax; point++) {
    const text = String.fromCodePoint(point)
    if (/^[\p{Changes_When_Casemapped}\p{Changes_When_Casefolded}]$/u.test(text)) cased.push(text)
  }
  const all = cased.join('')
  const folded = new Map<number, number>()
  for (const text of cased) {
    const point = text.codePointAt(0)!
    if (folded.has(point)) continue
    // What a regular expression with the flags i and u takes for the same is the simple folding of the standard.
    const same = [...all.matchAll(new RegExp(`\\u{${point.toString(16)}}`, 'giu'))].map(([other]) => other)
    const lower = Math.max(...same.map((other) => other.codePointAt(0)!))
    for (const other of same) folded.set(other.codePointAt(0)!, lower)
  }
  return (point) => folded.get(point) ?? point
}

/** A mapping as runs of points at the distance 1 or 2 with the same sum: first, last, distance, sum. */
function mappingRuns(map: (point: number) => number): number[] {
  const runs: [number, number, number, number][] = []
  for (let point = 0; point <= pointMax; point++) {
    if (isSurrogate(point)) continue
    const sum = map(point) - point
    if (sum === 0) continue
    const last = runs.at(-1)
    const distance = last === undefined ? 0 : point - last[1]
    const fits = last !== undefined && last[3] === sum && distance <= 2
    if (fits && (last[0] === last[1] || last[2] === distance)) {
      last[1] = point
      last[2] = distance
    } else {
      runs.push([point, point, 1, sum])
    }
  }
  return runs.flat()
}

function runsOf(pattern: RegExp): [number, number][] {
  return runsWhere((point) => pattern.test(String.fromCodePoint(point)))
}

function runsWhere(holds: (point: number) => boolean): [number, number][] {
  const runs: [number, number][] = []
  for (let point = 0; point <= pointMax; point++) {
    if (isSurrogate(point) || !holds(point)) continue
    const last = runs.at(-1)
    if (last?.[1] === point - 1) last[1] = point
    else runs.push([point, point])
  }
  return runs
}

function flat(runs: readonly (readonly [number, number])[]): number[] {
  return runs.flat()
}

interface LanguageTexts {
  readonly [code: string]: { readonly name: string; readonly learn: string; readonly hold: readonly string[] }
}

/** Runs of three characters that the profiles keep: those that tell most. */
const profileGrams = 2_500

/** `programs/lib/language-table.ts`: how likely each run of three characters is in each language. */
export function languageTable(): string {
  const texts = languageTexts()
  const codes = Object.keys(texts)
  const counts = codes.map((code) => trigrams(texts[code]!.learn))
  const totals = counts.map(
    (grams) => grams.size + [...grams.values()].reduce((sum, count) => sum + count, 0),
  )
  const bits = (gram: string) =>
    counts.map((grams, i) =>
      Math.min(255, Math.round(-16 * Math.log2(((grams.get(gram) ?? 0) + 0.3) / totals[i]!))),
    )
  const all = [...new Set(counts.flatMap((grams) => [...grams.keys()]))]
  const worth = (gram: string) => {
    const found = bits(gram)
    return (
      (Math.max(...found) - Math.min(...found)) * Math.max(...counts.map((grams) => grams.get(gram) ?? 0))
    )
  }
  const kept = all
    .map((gram) => ({ gram, worth: worth(gram) }))
    .sort((a, b) => b.worth - a.worth || (a.gram < b.gram ? -1 : 1))
    .slice(0, profileGrams)
    .map(({ gram }) => ({ key: keyOf(gram), bits: bits(gram) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  const names = (list: readonly string[]) => list.map((name) => `'${name}'`)
  return [
    '// Made by scripts/program-tables.ts from programs/text/language-texts.json.',
    table('languageCodes', 'string', names(codes), perLine),
    table('languageNames', 'string', names(codes.map((code) => texts[code]!.name)), perLine),
    '/** Runs of three characters below U+10000, 16 bits each. */',
    table(
      'languageGrams',
      'u64',
      kept.map(({ key }) => `0x${key.toString(16)}`),
      perLine,
    ),
    '/** For each of them and each language: sixteenths of bits, the fewer the likelier. */',
    table(
      'languageBits',
      'u8',
      kept.flatMap((gram) => gram.bits),
      codes.length,
    ),
  ].join('\n')
}

export function languageTexts(): LanguageTexts {
  const file = new URL('../programs/text/language-texts.json', import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as LanguageTexts
}

/** Of letters in lower case, with one space before and after each word. */
function trigrams(text: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of text
    .normalize('NFC')
    .toLowerCase()
    .match(/[\p{L}\p{M}]+/gu) ?? []) {
    const padded = ` ${word} `
    for (let i = 0; i + 3 <= padded.length; i++) {
      const gram = padded.slice(i, i + 3)
      counts.set(gram, (counts.get(gram) ?? 0) + 1)
    }
  }
  return counts
}

function keyOf(gram: string): bigint {
  return [...gram].reduce((key, unit) => (key << 16n) | BigInt(unit.charCodeAt(0)), 0n)
}

function hex(value: bigint): string {
  return `0x${value.toString(16).padStart(16, '0')}`
}

function table(name: string, type: string, values: readonly (number | string)[], columns: number): string {
  const lines: string[] = []
  for (let at = 0; at < values.length; at += columns) {
    lines.push(`  ${values.slice(at, at + columns).join(', ')},`)
  }
  // Lazy: a table that a program does not use is not in it.
  return `// @ts-ignore: decorator\n@lazy\nexport const ${name}: StaticArray<${type}> = [\n${lines.join('\n')}\n]\n`
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(new URL('power10-table.ts', folder), power10Table())
  writeFileSync(new URL('unicode-table.ts', folder), unicodeTable())
  writeFileSync(new URL('language-table.ts', folder), languageTable())
}
