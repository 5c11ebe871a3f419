import { join } from 'node:path'

/*
 * Where a key's file is. `tasks/7` is `tasks/7.json`; a character that some file system would take amiss becomes `%` and
 * two hex digits. A dot is such a character, so no key's file or folder has the name of one of the store's own.
 */

/** File names end at 255 bytes; a longer part of a key goes on in a folder below, after a `%` alone. */
const partLengthMax = 200
const plain = /^[a-z0-9_-]$/
/** Windows keeps these names for devices. */
const device = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])$/

const suffix = '.json'

export function fileOfKey(directory: string, key: string): string {
  return join(directory, ...key.split('/').flatMap(encodePart)) + suffix
}

/** The key of a file, told by its path under the directory, parts separated by `/`; `undefined` for a stranger's. */
export function keyOfFile(path: string): string | undefined {
  if (!path.endsWith(suffix)) return undefined
  const parts: string[] = []
  let begun = ''
  for (const name of path.slice(0, -suffix.length).split('/')) {
    if (name.length > 1 && name.endsWith('%')) {
      begun += name.slice(0, -1)
      continue
    }
    parts.push(begun + (name === '%' ? '' : name))
    begun = ''
  }
  const key = parts
    .map((part) =>
      part.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    )
    .join('/')
  return begun === '' && fileOfKey('', key) === join('', ...path.split('/')) ? key : undefined
}

function encodePart(part: string): string[] {
  if (part === '') return ['%']
  const isDevice = device.test(part)
  const names: string[] = []
  let name = ''
  for (const [at, character] of [...part].entries()) {
    if (name.length > partLengthMax) {
      names.push(`${name}%`)
      name = ''
    }
    name += isPlain(character) && !(isDevice && at === 0) ? character : encode(character)
  }
  return [...names, name]
}

/** Capital letters stay themselves only where a file's name tells them from small ones. */
const isPlain = (character: string): boolean =>
  plain.test(character) || (keepsCase && character >= 'A' && character <= 'Z')
const keepsCase = process.platform === 'linux'

const encode = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
