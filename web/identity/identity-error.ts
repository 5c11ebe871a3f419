/** Why a tab cannot have its identity. The message is for the visitor. */
export class IdentityError extends Error {
  readonly code: 'NotSecureContext' | 'StorageUnavailable' | 'Damaged'

  constructor(code: IdentityError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'IdentityError'
    this.code = code
  }
}
