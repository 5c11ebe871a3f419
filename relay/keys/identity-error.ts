/** Why a node cannot have its identity. Its message is for the operator; the program ends with exit code 1. */
export class IdentityError extends Error {
  readonly code:
    | 'KeychainUnavailable'
    | 'KeyFileUnavailable'
    | 'PassphraseMissing'
    | 'PassphraseWrong'
    | 'Damaged'
    | 'NotWritable'
    | 'NotReadable'

  constructor(code: IdentityError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'IdentityError'
    this.code = code
  }
}
