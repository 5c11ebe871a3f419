import type { Attack } from './sandbox-attack.ts'

/** Interfaces whose business is to send. */
export const networkAttacks: readonly Attack[] = [
  {
    name: 'fetch',
    from: 'anywhere',
    path: 'fetch',
    deed: async ({ need }, url) => `REACHED ${(await need('fetch')(url)).status}`,
  },
  {
    name: 'fetch without CORS',
    from: 'anywhere',
    path: 'no-cors',
    async deed({ need }, url) {
      await need('fetch')(url, { mode: 'no-cors', method: 'POST', body: 'secret' })
      return 'REACHED'
    },
  },
  {
    name: 'fetch that outlives the page',
    from: 'anywhere',
    path: 'keepalive',
    async deed({ need }, url) {
      await need('fetch')(url, { mode: 'no-cors', keepalive: true })
      return 'REACHED'
    },
  },
  {
    name: 'fetchLater',
    from: 'document',
    path: 'fetch-later',
    deed({ need, silence }, url) {
      need('fetchLater')(url, { activateAfter: 0 })
      return silence()
    },
    dull: 'a server without a certificate is refused',
  },
  {
    name: 'XMLHttpRequest',
    from: 'anywhere',
    path: 'xhr',
    deed({ need, event }, url) {
      const request = new (need('XMLHttpRequest'))()
      const end = event(request, ['load'], ['error'])
      request.open('GET', url)
      request.send()
      return end
    },
  },
  {
    name: 'XMLHttpRequest that blocks',
    from: 'anywhere',
    path: 'sync-xhr',
    deed({ need }, url) {
      const request = new (need('XMLHttpRequest'))()
      request.open('GET', url, false)
      request.send()
      return `REACHED ${request.status}`
    },
  },
  {
    name: 'WebSocket',
    from: 'anywhere',
    path: 'socket',
    deed: ({ need, event }, url) =>
      event(new (need('WebSocket'))(url.replace('http', 'ws')), ['open'], ['error']),
  },
  {
    name: 'WebSocketStream',
    from: 'anywhere',
    path: 'socket-stream',
    async deed({ need }, url) {
      await new (need('WebSocketStream'))(url.replace('http', 'ws')).opened
      return 'REACHED'
    },
    dull: 'no release of a browser has it',
  },
  {
    name: 'EventSource',
    from: 'anywhere',
    path: 'events',
    deed: ({ need, event }, url) => event(new (need('EventSource'))(url), ['open'], ['error']),
  },
  {
    name: 'WebTransport',
    from: 'anywhere',
    path: 'transport',
    async deed({ need }, url) {
      await new (need('WebTransport'))(url.replace('http:', 'https:')).ready
      return 'REACHED'
    },
    dull: 'the server speaks no QUIC',
  },
  {
    name: 'sendBeacon',
    from: 'anywhere',
    path: 'beacon',
    // It says yes and sends nothing.
    deed({ need, silence }, url) {
      need('navigator').sendBeacon(url, 'secret')
      return silence()
    },
  },
  {
    name: 'importScripts',
    from: 'anywhere',
    path: 'import-scripts.js',
    deed({ need }, url) {
      need('importScripts')(url)
      return 'REACHED'
    },
  },
  {
    name: 'import()',
    from: 'anywhere',
    path: 'module.js',
    async deed({ need }, url) {
      await need('importModule')(url)
      return 'REACHED'
    },
  },
  {
    name: 'import() of a data URL',
    from: 'anywhere',
    async deed({ need }) {
      await need('importModule')('data:text/javascript,export default 1')
      return 'REACHED'
    },
  },
  {
    name: 'Worker',
    from: 'anywhere',
    path: 'worker.js',
    deed: ({ need, event }, url) => event(new (need('Worker'))(url), ['message'], ['error']),
    dull: 'scripts of workers are of the own origin; the next ones fetch from inside one',
  },
  {
    name: 'Worker of modules',
    from: 'anywhere',
    path: 'module-worker.js',
    deed: ({ need, event }, url) =>
      event(new (need('Worker'))(url, { type: 'module' }), ['message'], ['error']),
    dull: 'as for Worker',
  },
  {
    name: 'Worker of a blob that imports scripts',
    from: 'anywhere',
    path: 'nested-import.js',
    deed({ need, event }, url) {
      const text = `try { importScripts('${url}') } catch {}; postMessage(1)`
      const blob = new (need('Blob'))([text], { type: 'text/javascript' })
      const worker = new (need('Worker'))(need('URL').createObjectURL(blob))
      return event(worker, [], ['error', 'message'])
    },
  },
  {
    name: 'Worker of a blob that imports modules',
    from: 'anywhere',
    path: 'nested-module.js',
    deed({ need, event, silence }, url) {
      const blob = new (need('Blob'))([`import '${url}'`], { type: 'text/javascript' })
      const worker = new (need('Worker'))(need('URL').createObjectURL(blob), { type: 'module' })
      return Promise.race([event(worker, ['message'], ['error']), silence()])
    },
  },
  {
    name: 'Worker of a blob that fetches',
    from: 'anywhere',
    path: 'nested-fetch',
    deed({ need, event }, url) {
      const text = `fetch('${url}', { mode: 'no-cors' }).then(() => postMessage(1), () => { throw 1 })`
      const blob = new (need('Blob'))([text], { type: 'text/javascript' })
      const worker = new (need('Worker'))(need('URL').createObjectURL(blob))
      return event(worker, ['message'], ['error'])
    },
  },
  {
    name: 'Worker of a data URL that fetches',
    from: 'anywhere',
    path: 'data-worker',
    deed({ need, event }, url) {
      const text = `fetch('${url}', { mode: 'no-cors' }).then(() => postMessage(1))`
      return event(
        new (need('Worker'))(`data:text/javascript,${encodeURIComponent(text)}`),
        ['message'],
        ['error'],
      )
    },
  },
  {
    name: 'SharedWorker',
    from: 'anywhere',
    path: 'shared.js',
    deed: ({ need, event }, url) => event(new (need('SharedWorker'))(url), ['message'], ['error']),
    dull: 'as for Worker',
  },
  {
    name: 'SharedWorker of a blob that fetches',
    from: 'anywhere',
    path: 'shared-fetch',
    deed({ need, event, silence }, url) {
      const blob = new (need('Blob'))([`fetch('${url}', { mode: 'no-cors' })`], { type: 'text/javascript' })
      const worker = new (need('SharedWorker'))(need('URL').createObjectURL(blob))
      return Promise.race([event(worker, [], ['error']), silence()])
    },
  },
  {
    name: 'service worker registered',
    from: 'anywhere',
    path: 'service-worker.js',
    async deed({ need }, url) {
      await need('navigator').serviceWorker.register(url)
      return 'REACHED'
    },
    dull: 'its script must be of the own origin',
  },
  {
    name: 'background fetch',
    from: 'anywhere',
    path: 'background-fetch',
    async deed({ need }, url) {
      const registration = await need('navigator').serviceWorker.ready
      await registration.backgroundFetch.fetch('id', [url])
      return 'REACHED'
    },
    dull: 'there is no service worker to ask',
  },
  {
    name: 'RTCPeerConnection',
    from: 'anywhere',
    // The UDP socket is what knows.
    async deed({ need, targets, silence }) {
      const connection = new (need('RTCPeerConnection'))({ iceServers: [{ urls: targets.stun }] })
      connection.createDataChannel('way out')
      await connection.setLocalDescription(await connection.createOffer())
      return silence()
    },
  },
  {
    name: 'RTCPeerConnection of a nested frame',
    from: 'document',
    async deed({ world, targets, silence }) {
      const frame = world['document'].createElement('iframe')
      world['document'].documentElement.append(frame)
      const connection = new frame.contentWindow.RTCPeerConnection({ iceServers: [{ urls: targets.stun }] })
      connection.createDataChannel('way out')
      await connection.setLocalDescription(await connection.createOffer())
      return silence()
    },
  },
  {
    name: 'FontFace',
    from: 'anywhere',
    path: 'font-face.woff2',
    async deed({ need }, url) {
      await new (need('FontFace'))('probe', `url(${url})`).load()
      return 'REACHED'
    },
  },
  {
    name: 'payment method',
    from: 'document',
    path: 'payment',
    async deed({ need }, url) {
      const total = { label: 'x', amount: { currency: 'EUR', value: '1' } }
      await new (need('PaymentRequest'))([{ supportedMethods: url }], { total }).canMakePayment()
      throw new Error()
    },
    dull: 'a server without a certificate is refused',
  },
  {
    name: 'identity provider',
    from: 'document',
    path: 'identity.json',
    async deed({ need }, url) {
      await need('navigator').credentials.get({
        identity: { providers: [{ configURL: url, clientId: 'x' }] },
      })
      return 'REACHED'
    },
    dull: 'a server without a certificate is refused',
  },
  {
    name: 'paint worklet',
    from: 'document',
    path: 'paint.js',
    async deed({ world }, url) {
      await world['CSS'].paintWorklet.addModule(url)
      return 'REACHED'
    },
  },
  {
    name: 'audio worklet',
    from: 'document',
    path: 'audio-worklet.js',
    async deed({ need }, url) {
      await new (need('OfflineAudioContext'))(1, 1, 44_100).audioWorklet.addModule(url)
      return 'REACHED'
    },
  },
  {
    name: 'shared storage worklet',
    from: 'document',
    path: 'shared-storage.js',
    async deed({ need }, url) {
      await need('sharedStorage').worklet.addModule(url)
      return 'REACHED'
    },
    dull: 'a server without a certificate is refused',
  },
  {
    name: 'interest group',
    from: 'document',
    path: 'interest-group',
    async deed({ need, silence }, url) {
      await need('navigator').joinAdInterestGroup(
        { owner: new URL(url).origin, name: 'x', updateURL: url },
        9,
      )
      return silence()
    },
    dull: 'a server without a certificate is refused',
  },
  {
    name: 'speech recognition',
    from: 'document',
    deed({ need, event }) {
      const speech = new (need('webkitSpeechRecognition'))()
      const end = event(speech, ['start', 'audiostart'], ['error'])
      speech.start()
      return end
    },
  },
  {
    name: 'protocol handler',
    from: 'document',
    path: 'protocol?%s',
    deed({ need }, url) {
      need('navigator').registerProtocolHandler('web+probe', url)
      return 'REACHED'
    },
    dull: 'only the own origin may be named',
  },
]
