/** Keys of a store have at most this many characters. */
const storeKeyLengthMax = 512

/** Throws RangeError unless the text may be a key: 1 to 512 ASCII characters. */
export function checkStoreKey(key: string): void {
  if (key.length === 0 || key.length > storeKeyLengthMax) {
    throw new RangeError(`A store key has 1 to ${storeKeyLengthMax} characters, not ${key.length}`)
  }
  checkStorePrefix(key)
}

/** Throws RangeError unless keys may start with the text; the empty prefix is that of all keys. */
export function checkStorePrefix(prefix: string): void {
  for (let i = 0; i < prefix.length; i++) {
    if (prefix.charCodeAt(i) > 127)
      throw new RangeError(`A store key is ASCII text, not ${JSON.stringify(prefix)}`)
  }
}

/** Where keys with the prefix end: every one of them sorts before this text, every later key does not. */
export function endOfPrefix(prefix: string): string {
  // Keys are ASCII, so U+0080 sorts after any character one can go on with.
  return `${prefix}\u0080`
}
