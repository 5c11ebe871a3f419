import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const fuzz = (...args: string[]) =>
  spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts'), ...args],
    {
      encoding: 'utf8',
    },
  )

describe('npm run fuzz', () => {
  test('SBX-03 finds no module that the validator throws at, hangs at, or should not have taken', () => {
    const { stdout, stderr, status } = fuzz('validator', '--seconds', '8', '--count', '4000', '--seed', '7')
    expect(stderr).toBe('')
    expect(stdout).toMatch(
      /^fuzz validator: tried \d{3,}, refused \d{2,}, accepted \d{2,}, ran \d{2,}, seed 7\n$/,
    )
    expect(status).toBe(0)
  })

  test.each([[['validator', '--seconds', 'long']], [['everything']], [['validator', '--sed', '1']]])(
    'says how it is used when it is given %j',
    (args) => {
      const { stderr, status } = fuzz(...args)
      expect(stderr).toContain('usage: npm run -s fuzz -- validator')
      expect(status).toBe(2)
    },
  )
})
