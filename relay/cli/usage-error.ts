import { ClientError } from '../../shared/client/client-error.ts'

/** The call's words are off; the program ends with 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

const usageCodes: readonly string[] = ['BadUrl', 'BadOptions', 'BadId']

/** Whether another call mends it, and another try does not. */
export const isOfUsage = (error: unknown): boolean =>
  error instanceof UsageError || (error instanceof ClientError && usageCodes.includes(error.code))
