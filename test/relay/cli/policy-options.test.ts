import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { type PolicyOptions, policyOf, withPolicyFlags } from '../../../relay/cli/policy-options.ts'
import { UsageError } from '../../../relay/cli/usage-error.ts'
import { defaultVerification } from '../../../shared/task/task.ts'

/** What the flags come to; or commander's message, or ours. */
function policyFor(...flags: readonly string[]) {
  const said: string[] = []
  const command = withPolicyFlags(new Command()).exitOverride()
  command.configureOutput({ writeErr: (text) => said.push(text) })
  try {
    return policyOf(command.parse(flags, { from: 'user' }).opts<PolicyOptions>())
  } catch (error) {
    if (error instanceof UsageError) return error.message
    return said.join('')
  }
}

describe('TSK-09 the flags of submit', () => {
  test('two of three to the byte where nothing is asked', () => {
    expect(policyFor()).toEqual(defaultVerification)
  })

  test.each([
    [['--replicas', '5'], { replicas: 5, quorum: 3, comparator: 'exact' }],
    [['--replicas', '4'], { replicas: 4, quorum: 3, comparator: 'exact' }],
    [['--replicas', '7', '--quorum', '6'], { replicas: 7, quorum: 6, comparator: 'exact' }],
    [['--quorum', '3'], { replicas: 3, quorum: 3, comparator: 'exact' }],
    [['--comparator', 'json'], { replicas: 3, quorum: 2, comparator: 'json' }],
    [
      ['--comparator', 'numeric', '--tolerance', '1e-6'],
      { replicas: 3, quorum: 2, comparator: 'numeric', tolerance: 1e-6 },
    ],
    [
      ['--comparator', 'numeric', '--tolerance', '0'],
      { replicas: 3, quorum: 2, comparator: 'numeric', tolerance: 0 },
    ],
    [['--adaptive', '.001'], { replicas: 3, quorum: 2, comparator: 'exact', errorTarget: 0.001 }],
  ])('%j', (flags, expected) => {
    expect(policyFor(...flags)).toEqual(expected)
  })

  test.each<[string[], string]>([
    [['--replicas', '2'], '--replicas 2: give a whole number from 3 to 7'],
    [['--replicas', '3.5'], '--replicas 3.5: give a whole number from 3 to 7'],
    [['--replicas', '8'], '--replicas 8: give a whole number from 3 to 7'],
    [['--quorum', '1'], '--quorum 1: of 3 replicas, over half is from 2 to 3'],
    [['--replicas', '5', '--quorum', '2'], '--quorum 2: of 5 replicas, over half is from 3 to 5'],
    [['--quorum', '4'], '--quorum 4: of 3 replicas, over half is from 2 to 3'],
    [['--tolerance', '0.1'], '--tolerance 0.1: it goes with --comparator numeric'],
    [['--comparator', 'json', '--tolerance', '0.1'], '--tolerance 0.1: it goes with --comparator numeric'],
    [
      ['--comparator', 'numeric'],
      '--comparator numeric: say with --tolerance how far two numbers may lie apart, as --tolerance 1e-6',
    ],
    [['--comparator', 'numeric', '--tolerance', '1'], '--tolerance 1: give a number from 0 to below 1'],
    [['--adaptive', '0'], '--adaptive 0: give a chance over 0 and at most 0.1, as 0.001'],
    [['--adaptive', '0.5'], '--adaptive 0.5: give a chance over 0 and at most 0.1, as 0.001'],
  ])('%j say what to give instead', (flags, expected) => {
    expect(policyFor(...flags)).toBe(expected)
  })

  test.each([
    [['--replicas', 'many'], /Expected a number, as 3, 0.001 or 1e-6/],
    [['--quorum', '-2'], /Expected a number/],
    [['--tolerance', '0x10'], /Expected a number/],
    [['--tolerance', ''], /Expected a number/],
    [['--adaptive', 'Infinity'], /Expected a number/],
    [['--comparator', 'fuzzy'], /Allowed choices are exact, json, numeric/],
    [['--adaptive'], /argument missing/],
  ])('%j are refused by name', (flags, expected) => {
    expect(policyFor(...flags)).toMatch(expected)
  })
})
