/** Bad input, as a value: what was wrong, for the one who sent it. Never thrown. */
export class Refusal {
  /** Stable, machine-readable. */
  readonly code: string
  /** For people; names the offending part. */
  readonly message: string

  constructor(code: string, message: string) {
    this.code = code
    this.message = message
  }
}

export const refuse = (code: string, message: string): Refusal => new Refusal(code, message)
