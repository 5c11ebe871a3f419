import type { Attack } from './sandbox-attack.ts'

/** What the app keeps, and the app itself. */
export const storeAttacks: readonly Attack[] = [
  {
    name: 'indexedDB',
    from: 'anywhere',
    deed: ({ need, event }) => event(need('indexedDB').open('app'), ['success', 'upgradeneeded'], ['error']),
  },
  {
    name: 'indexedDB listed',
    from: 'anywhere',
    deed: async ({ need }) => `REACHED ${JSON.stringify(await need('indexedDB').databases())}`,
  },
  {
    name: 'caches',
    from: 'anywhere',
    deed: async ({ need }) => `REACHED ${(await need('caches').keys()).join()}`,
  },
  {
    name: 'private file system',
    from: 'anywhere',
    deed: async ({ need }) => `REACHED ${(await need('navigator').storage.getDirectory()).name}`,
  },
  {
    name: 'storage buckets',
    from: 'anywhere',
    deed: async ({ need }) => `REACHED ${await need('navigator').storageBuckets.keys()}`,
  },
  {
    name: 'old file system',
    from: 'document',
    deed: ({ need }) =>
      new Promise((resolve, reject) =>
        need('webkitRequestFileSystem')(0, 1, () => resolve('REACHED'), reject),
      ),
  },
  {
    name: 'storage persisted',
    from: 'anywhere',
    deed: async ({ need }) =>
      (await need('navigator').storage.persist()) === true ? 'REACHED' : 'blocked by refusal',
  },
  {
    name: 'locks',
    from: 'anywhere',
    deed: async ({ need }) => `REACHED ${JSON.stringify(await need('navigator').locks.query())}`,
  },
  {
    name: 'service workers listed',
    from: 'anywhere',
    deed: async ({ need }) => `REACHED ${await need('navigator').serviceWorker.getRegistrations()}`,
  },
  {
    name: 'cookieStore',
    from: 'anywhere',
    deed: async ({ need }) => `REACHED ${JSON.stringify(await need('cookieStore').getAll())}`,
  },
  {
    name: 'BroadcastChannel',
    from: 'anywhere',
    deed({ need, event }) {
      const channel = new (need('BroadcastChannel'))('app')
      channel.postMessage('from the sandbox')
      return event(channel, ['message'], [])
    },
  },
  { name: 'eval', from: 'anywhere', deed: ({ need }) => `REACHED ${need('eval')('1+1')}` },
  { name: 'Function', from: 'anywhere', deed: ({ need }) => `REACHED ${need('Function')('return 1')()}` },
  {
    name: 'text for a timer',
    from: 'anywhere',
    deed({ world, need, silence }) {
      need('setTimeout')('globalThis.timerRan = true', 0)
      return silence().then(() => (world['timerRan'] === true ? 'REACHED' : 'blocked in silence'))
    },
  },
  { name: 'cookie', from: 'document', deed: ({ world }) => `REACHED ${world['document'].cookie}` },
  {
    name: 'cookie set',
    from: 'document',
    deed({ world }) {
      world['document'].cookie = 'planted=1'
      return 'REACHED'
    },
  },
  { name: 'localStorage', from: 'document', deed: ({ world }) => `REACHED ${world['localStorage'].length}` },
  {
    name: 'sessionStorage',
    from: 'document',
    deed: ({ world }) => `REACHED ${world['sessionStorage'].length}`,
  },
  {
    name: 'storage access',
    from: 'document',
    async deed({ world }) {
      await world['document'].requestStorageAccess()
      return `REACHED ${world['document'].cookie}`
    },
  },
  {
    name: 'shared storage',
    from: 'document',
    async deed({ need }) {
      await need('sharedStorage').set('a', 'b')
      return 'REACHED'
    },
    dull: 'a server without a certificate is refused',
  },
  {
    name: 'document of the parent',
    from: 'document',
    deed: ({ world }) =>
      world['parent'] === world['self'] ? 'blocked by solitude' : `REACHED ${world['parent'].document.title}`,
  },
  {
    name: 'function of the parent',
    from: 'document',
    deed: ({ world }) =>
      world['parent'] === world['self']
        ? 'blocked by solitude'
        : `REACHED ${typeof world['parent'].sandboxPage}`,
  },
  {
    name: 'name of the top window',
    from: 'document',
    deed({ world }) {
      if (world['top'] === world['self']) return 'blocked by solitude'
      world['top'].name = 'planted'
      return `REACHED ${world['top'].name}`
    },
  },
  {
    name: 'element of the frame',
    from: 'document',
    deed: ({ world }) =>
      world['frameElement'] === null ? 'blocked by null' : `REACHED ${world['frameElement'].id}`,
  },
  {
    name: 'sibling frames',
    from: 'document',
    deed({ world }) {
      const { frames, length } = world['parent']
      for (let i = 0; i < length; i++) {
        if (frames[i] !== world['self']) return `REACHED ${frames[i].document.title}`
      }
      return 'blocked by solitude'
    },
  },
  {
    name: 'opener',
    from: 'document',
    deed: ({ world }) => (world['opener'] === null ? 'blocked by null' : `REACHED ${world['opener'].origin}`),
  },
  {
    name: 'domain',
    from: 'document',
    deed({ world }) {
      world['document'].domain = 'localhost'
      return `REACHED ${world['parent'].document.title}`
    },
  },
  {
    name: 'referrer',
    from: 'document',
    deed: ({ world }) =>
      world['document'].referrer === '' ? 'blocked by policy' : `REACHED ${world['document'].referrer}`,
  },
  {
    name: 'ancestor origins',
    from: 'document',
    deed({ world }) {
      const { ancestorOrigins } = world['location']
      return ancestorOrigins[0] === undefined || ancestorOrigins[0] === world['location'].origin
        ? 'blocked by absence'
        : `REACHED ${ancestorOrigins[0]}`
    },
  },
  {
    name: 'alert',
    from: 'document',
    deed: ({ need }) => (need('alert')('x') === undefined ? 'blocked' : 'REACHED'),
  },
  {
    name: 'confirm',
    from: 'document',
    deed: ({ need }) => (need('confirm')('x') === false ? 'blocked' : 'REACHED'),
  },
  {
    name: 'prompt',
    from: 'document',
    deed: ({ need }) => (need('prompt')('x') === null ? 'blocked' : 'REACHED'),
  },
]
