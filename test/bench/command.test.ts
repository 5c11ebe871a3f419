import { describe, expect, test } from 'vitest'
import { type Bench, measureParts } from './bench.ts'
import { readCommand } from './command.ts'
import { resultOf } from './result.ts'

const sums: Bench = {
  name: 'sums',
  about: 'adding up',
  runs: 7,
  parts: ['whole', 'half'],
  takes: ['scale'],
  measure: async () => ({ results: [], missing: [] }),
}
const benches = [sums, { ...sums, name: 'other', takes: [] }]

describe('the command line', () => {
  test('names a bench, which runs whole and as often as it says itself', () => {
    expect(readCommand(['sums'], benches)).toEqual({
      kind: 'run',
      bench: sums,
      runs: 7,
      only: ['whole', 'half'],
      json: false,
      strict: false,
    })
  })

  test('takes its options in any order', () => {
    const args = ['--json', '--runs', '3', '--only', 'half', 'sums', '--strict']
    expect(readCommand(args, benches)).toMatchObject({ runs: 3, only: ['half'], json: true, strict: true })
  })

  test('hands on what only some benches take', () => {
    expect(readCommand(['sums', '--scale', '0.25'], benches)).toMatchObject({ bench: sums, scale: 0.25 })
  })

  test.each([
    { args: [], says: 'which one?' },
    { args: ['sum'], says: 'there is no bench sum' },
    { args: ['SUMS'], says: 'there is no bench SUMS' },
    { args: ['sums', 'other'], says: 'one at a time, without other' },
    { args: ['sums', '--runs', '0'], says: '--runs 0: expected a whole number from 1 to 1000' },
    { args: ['sums', '--runs', '1.5'], says: '--runs 1.5' },
    { args: ['sums', '--runs', 'many'], says: '--runs many' },
    { args: ['sums', '--runs', ''], says: '--runs : expected' },
    { args: ['sums', '--runs=-1'], says: '--runs -1' },
    { args: ['sums', '--runs', '1001'], says: '--runs 1001' },
    { args: ['sums', '--runs'], says: '--runs' },
    { args: ['sums', '--only', 'quarter'], says: '--only quarter: sums has whole, half' },
    { args: ['sums', '--profile', 'x'], says: 'sums knows no --profile' },
    { args: ['other', '--scale', '1'], says: 'other knows no --scale' },
    ...['0', '-1', '11', 'half', '', '1e-3'].map((scale) => ({
      args: ['sums', `--scale=${scale}`],
      says: `--scale ${scale}: expected a number above 0, 10 at most`,
    })),
    { args: ['sums', '--quick'], says: '--quick' },
    { args: ['sums', '--json=yes'], says: '--json' },
  ])('$args is refused with the list of benches', ({ args, says }) => {
    const command = readCommand(args, benches)
    expect(command.kind).toBe('usage')
    const message = command.kind === 'usage' ? command.message : ''
    expect(message).toContain(says)
    expect(message).toContain('usage: npm run -s bench -- NAME')
    expect(message).toMatch(/^ {2}sums {3}adding up \(whole, half\)$/m)
  })
})

describe('a bench of parts', () => {
  const result = resultOf({ name: 'whole sum', unit: 'ms', samples: [1] })
  const whole = async () => ({ results: [result], missing: [] })
  const options = { runs: 1, progress: () => {} }

  test('measures those that are wanted', async () => {
    const half = async (): Promise<never> => {
      throw new Error('not wanted')
    }
    const found = await measureParts({ whole, half }, { ...options, wants: (part) => part === 'whole' })
    expect(found).toEqual({ results: [result], missing: [] })
  })

  test('goes on when one breaks down, and says what is missing', async () => {
    const broken = async (): Promise<never> => {
      throw new Error('no compiler')
    }
    const found = await measureParts({ broken, whole }, { ...options, wants: () => true })
    expect(found).toEqual({ results: [result], missing: [{ name: 'broken', reason: 'no compiler' }] })
  })
})
