import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('expected.json', import.meta.url)

export type Outcomes = Readonly<Record<string, string>>

/** The outcomes on record, by name. */
export function expectedOutcomes(): Outcomes {
  return JSON.parse(readFileSync(file, 'utf8')) as Outcomes
}

/** Only `npm run conformance:record` asks for it; what changed then shows in the diff. */
export function recordOutcomes(outcomes: Outcomes): void {
  writeFileSync(file, `${JSON.stringify(outcomes, null, 2)}\n`)
}

/** Names with what is on record and what came instead. */
export function differences(seen: Outcomes, expected: Outcomes): string[] {
  return Object.entries(seen)
    .filter(([name, outcome]) => expected[name] !== outcome)
    .map(([name, outcome]) => `${name}: ${expected[name] ?? 'not on record'}, but was ${outcome}`)
}
