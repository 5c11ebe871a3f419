import { afterAll, beforeAll, describe, test } from 'vitest'
import type { TabmeshClient } from '../../shared/client/tabmesh-client.ts'
import { tabmeshClientContract } from '../contract/tabmesh-client.contract.ts'
import { GuestFault } from '../relay/http/loopback-relay.ts'
import { type ClientFixture, startClient } from './client-fixture.ts'

let fixture: ClientFixture
/** Nothing that is handed in there ever ends. */
let idle: ClientFixture
let clients: Readonly<Record<'quick' | 'endless', TabmeshClient>>

beforeAll(async () => {
  fixture = await startClient({
    program: (_, input) => {
      if (input === 'bad') throw new GuestFault('thrown', 'this item is bad')
      return { got: input }
    },
  })
  idle = await startClient({ workers: 0 })
  clients = { quick: await fixture.open(), endless: await idle.open() }
})
afterAll(async () => {
  await fixture.close()
  await idle.close()
})

describe('WEB-08 the client of the HTTP API keeps the contract of a client', () => {
  test.each(tabmeshClientContract.map((each) => [each.name, each] as const))(
    'WEB-08 %s',
    async (_, { run, isEndless }) => {
      await run({ client: isEndless ? clients.endless : clients.quick })
    },
  )
})
