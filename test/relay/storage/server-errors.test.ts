import { ReplyError } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { PostgresServer } from '../../../relay/storage/postgres-server.ts'
import { RedisServer } from '../../../relay/storage/redis-server.ts'
import { placeOf } from '../../../relay/storage/server-address.ts'

const log = (): void => undefined
const postgres = new PostgresServer('postgres://u:secret@h/d', 1, log)
const redis = new RedisServer('redis://:secret@h', 1, log)
const coded = (code: string, message = 'what the server said'): Error =>
  Object.assign(new Error(message), { code })

describe('what comes of an error of a server', () => {
  test.each([
    ['08006', true, 'what the server said'],
    ['40P01', true, 'what the server said'],
    ['53300', true, 'what the server said'],
    ['57P01', true, 'what the server said'],
    ['57P03', true, 'what the server said'],
    ['53100', false, 'its disk is full; make room there'],
    ['25006', false, 'it is read-only; name the primary in storage.url'],
    ['28P01', false, 'it refused the user or the password; check storage.url'],
    ['3D000', false, 'it has no such database; create it or check storage.url'],
    ['42501', false, 'this user may not write there; give it the right to create in the database'],
    ['22000', false, 'what the server said'],
    ['ECONNRESET', true, 'what the server said'],
    ['ENOTFOUND', true, 'its name is not known; check storage.url'],
    ['ETIMEDOUT', true, 'it cannot be reached; check storage.url and the network'],
  ])('STO-05 PostgreSQL %s: tried again %s, told as %j', (code, isPassing, words) => {
    expect(postgres.isPassing(coded(code))).toBe(isPassing)
    expect(postgres.explain(coded(code))).toBe(words)
  })

  test.each([
    ['LOADING Redis is loading', true, 'LOADING Redis is loading'],
    ['BUSY Redis is busy', true, 'BUSY Redis is busy'],
    ['OOM command not allowed', false, 'its memory is used up; raise maxmemory or make room'],
    ['MISCONF Redis is configured to', false, 'it cannot write to its disk; look at its log'],
    ['WRONGPASS invalid username', false, 'it refused the user or the password; check storage.url'],
    ['NOAUTH Authentication required', false, 'it refused the user or the password; check storage.url'],
    ['ERR something', false, 'ERR something'],
  ])('STO-04 Redis %j: tried again %s, told as %j', (message, isPassing, words) => {
    const error = new ReplyError(message)
    expect(redis.isPassing(error)).toBe(isPassing)
    expect(redis.explain(error)).toBe(words)
  })

  test.each([redis, postgres])(
    'STO-04 a server that does not answer is tried again, one of another name is not',
    (server) => {
      const silent = new Error("Socket timeout. Expecting data, but didn't receive any in 10000ms.")
      expect([server.isPassing(silent), server.explain(silent)]).toEqual([
        true,
        'it does not answer; look at the server and the network',
      ])
      const forged = coded('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate')
      expect(server.isPassing(forged)).toBe(false)
      expect(server.explain(forged)).toMatch(
        /^its certificate is not trusted \(self-signed certificate\); name/,
      )
      expect(server.isPassing(new Error('Connection is closed.'))).toBe(true)
    },
  )

  test.each([
    ['postgres://user:pass@host:5432/db?password=pass', 'postgres://host:5432/db'],
    ['redis://:pass@host', 'redis://host'],
    ['rediss://user:pass@[::1]:6379/2', 'rediss://[::1]:6379/2'],
    ['postgres://user:pa/ss@host/db:x', 'the address in storage.url'],
    ['', 'the address in storage.url'],
  ])('STO-04 %j is told as %j', (url, place) => {
    expect(placeOf(url)).toBe(place)
  })
})
