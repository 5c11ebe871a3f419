/** What was asked for is another relay's: at `relay` when that one lives, else soon at one that takes it over. */
export class ElsewhereError extends Error {
  /** As its page is called; `undefined` while nobody has it in hand. */
  readonly relay: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(message: string, where: { readonly relay: string } | { readonly retryAfterSeconds: number }) {
    super(message)
    this.name = 'ElsewhereError'
    this.relay = 'relay' in where ? where.relay : undefined
    this.retryAfterSeconds = 'relay' in where ? undefined : where.retryAfterSeconds
  }
}
