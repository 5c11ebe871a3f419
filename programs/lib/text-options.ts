import { STRING } from './json-value'
import { Options } from './options'
import { fail } from './stdio'

/** The text that a program was given. */
export function textOf(options: Options): string {
  const subject = options.subject
  if (subject.kind != STRING) fail('the text has to be a string, and is ' + subject.kindName())
  return subject.text()
}

/** A string that has to be given. */
export function requiredString(options: Options, name: string): string {
  const value = options.string(name)
  if (value === null) {
    fail('"' + name + '" is missing')
    throw new Error('ended')
  }
  return value
}
