/** A server's address for people and logs: no user, no password, no parameters (they may hold either). */
export function placeOf(url: string): string {
  if (!URL.canParse(url)) return 'the address in storage.url'
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

/** A certificate does not get better by asking again. */
export function isCertificateError(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/.test(code)
}

/** What went wrong on the way to a server, and what to do about it. */
export function explainConnectionError(error: unknown): string {
  const { code, message, errors } = (error ?? {}) as { code?: unknown; message?: string; errors?: unknown[] }
  if (isCertificateError(error)) {
    return `its certificate is not trusted (${message}); name the authority's with NODE_EXTRA_CA_CERTS=FILE, for PostgreSQL with sslrootcert=FILE in storage.url`
  }
  switch (code) {
    case 'ECONNREFUSED':
      return 'nothing listens there; start the server or check storage.url'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name is not known; check storage.url'
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'it cannot be reached; check storage.url and the network'
    default:
      if (errors?.[0] !== undefined && message === '') return explainConnectionError(errors[0])
      if (/time-?out|timed out/i.test(message ?? ''))
        return 'it does not answer; look at the server and the network'
      return message || 'the connection was lost'
  }
}
