import type { Attack, Tools } from './sandbox-attack.ts'

/** Elements, styles and navigation: what a document fetches without a line of script. */

type Attributes = (url: string) => Readonly<Record<string, string>>

/** An element of this kind, in the document. */
const element = (name: string, path: string, tag: string, attributes: Attributes, dull?: string): Attack => ({
  name,
  from: 'document',
  path,
  ...(dull === undefined ? {} : { dull }),
  deed: written(`(tools, url) => tools.element('${tag}', (${attributes})(url))`),
})

/** A rule of a style sheet; URL stands for the address. */
const style = (name: string, path: string, css: string): Attack => ({
  name,
  from: 'document',
  path,
  deed: written(`(tools, url) => tools.style(${JSON.stringify(css)}.replaceAll('URL', url))`),
})

/** Markup, put in as a whole; URL stands for the address. */
const markup = (name: string, path: string, html: string, dull?: string): Attack => ({
  name,
  from: 'document',
  path,
  ...(dull === undefined ? {} : { dull }),
  deed: written(`(tools, url) => {
    const place = tools.world.document.createElement('div')
    tools.world.document.documentElement.append(place)
    place.innerHTML = ${JSON.stringify(html)}.replaceAll('URL', url)
    return tools.silence()
  }`),
})

/** Deeds travel as text: this one is text from the start. */
function written(source: string): Attack['deed'] {
  const deed = (): never => {
    throw new Error('runs as text only')
  }
  deed.toString = () => source
  return deed
}

/** Something that takes a window elsewhere. */
const goes = (name: string, path: string, deed: Attack['deed']): Attack => ({
  name,
  from: 'document',
  path,
  alone: true,
  deed,
})

const noPrediction = 'a browser under test predicts nothing'

const elements: readonly Attack[] = [
  element('image', 'image.png', 'img', (src) => ({ src })),
  element('image set of an element', 'srcset.png', 'img', (url) => ({ srcset: `${url} 1x` })),
  element(
    'image that reports a click',
    'attribution',
    'img',
    (url) => ({ attributionsrc: url }),
    'needs a certificate',
  ),
  element('script', 'element.js', 'script', (src) => ({ src })),
  element('module script', 'element-module.js', 'script', (src) => ({ src, type: 'module' })),
  element('style sheet', 'style.css', 'link', (href) => ({ rel: 'stylesheet', href })),
  element('icon', 'icon.png', 'link', (href) => ({ rel: 'icon', href }), 'there is no tab strip to show one'),
  element('manifest', 'manifest.json', 'link', (href) => ({ rel: 'manifest', href }), 'read on request only'),
  element('prefetch', 'prefetch', 'link', (href) => ({ rel: 'prefetch', href })),
  element('prerender', 'prerender', 'link', (href) => ({ rel: 'prerender', href }), noPrediction),
  element('preload of a script', 'preload.js', 'link', (href) => ({ rel: 'preload', as: 'script', href })),
  element('preload of a style', 'preload.css', 'link', (href) => ({ rel: 'preload', as: 'style', href })),
  element('preload of an image', 'preload.png', 'link', (href) => ({ rel: 'preload', as: 'image', href })),
  element('preload of a font', 'preload.woff2', 'link', (href) => ({
    rel: 'preload',
    as: 'font',
    crossorigin: '',
    href,
  })),
  element('preload for fetch', 'preload.json', 'link', (href) => ({
    rel: 'preload',
    as: 'fetch',
    crossorigin: '',
    href,
  })),
  element('preload of a module', 'preload-module.js', 'link', (href) => ({ rel: 'modulepreload', href })),
  element('connection ahead', 'preconnect', 'link', (href) => ({ rel: 'preconnect', href }), noPrediction),
  element('look-up ahead', 'dns-prefetch', 'link', (href) => ({ rel: 'dns-prefetch', href }), noPrediction),
  element(
    'dictionary',
    'dictionary',
    'link',
    (href) => ({ rel: 'compression-dictionary', href }),
    'needs a certificate',
  ),
  element('video', 'video.mp4', 'video', (src) => ({ src })),
  element('poster', 'poster.png', 'video', (poster) => ({ poster })),
  element('audio', 'audio.mp3', 'audio', (src) => ({ src, preload: 'auto' })),
  element('object', 'object', 'object', (data) => ({ data })),
  element('embedded', 'embedded', 'embed', (src) => ({ src })),
  // What stands in for a frame that was refused loads as well.
  markup('frame', 'frame', '<iframe src="URL"></iframe>'),
  element('image of a form', 'input.png', 'input', (src) => ({ type: 'image', src })),
  markup('picture', 'picture.png', '<picture><source srcset="URL"><img></picture>'),
  markup(
    'captions',
    'track.vtt',
    '<video src="data:,"><track default kind="captions" src="URL"></video>',
    'waits for its video',
  ),
  markup('background of a table', 'table.png', '<table background="URL"><tr><td>x'),
  markup('image of a drawing', 'svg-image.png', '<svg><image href="URL"/></svg>'),
  markup(
    'part of another drawing',
    'svg-use.svg',
    '<svg><use href="URL#a"/></svg>',
    'must be of the own origin',
  ),
  markup(
    'filter of a drawing',
    'fe-image.png',
    '<svg><filter id="f"><feImage href="URL"/></filter><rect width="9" height="9" filter="url(#f)"/></svg>',
  ),
  markup(
    'script of a drawing',
    'svg-script.js',
    '<svg><script href="URL"></script></svg>',
    'markup put in runs no script',
  ),
  markup('handler in markup', 'handler.png', `<img src="data:," onerror="new Image().src = 'URL'">`),
  markup('base address', 'based.png', '<base href="URL/"><img src="../based.png?relative">'),
  markup('frame of text', 'srcdoc.png', `<iframe srcdoc="<img src='URL'>"></iframe>`),
  markup('frame of data', 'data-frame.png', `<iframe src="data:text/html,<img src='URL'>"></iframe>`),
  markup(
    'frame that refreshes',
    'srcdoc-refresh',
    `<iframe srcdoc="<meta http-equiv=refresh content='0;URL'>"></iframe>`,
  ),
  markup(
    'policy that reports',
    'csp-report',
    `<meta http-equiv="Content-Security-Policy" content="img-src 'none'; report-uri URL"><img src="data:,x">`,
    'a page may not name the address',
  ),
  {
    name: 'rules that prefetch',
    from: 'document',
    path: 'speculation',
    dull: noPrediction,
    deed: ({ element: put }, url) =>
      put(
        'script',
        { type: 'speculationrules' },
        JSON.stringify({ prefetch: [{ source: 'list', urls: [url] }] }),
      ),
  },
  {
    name: 'rules that prerender',
    from: 'document',
    path: 'speculation-prerender',
    dull: noPrediction,
    deed: ({ element: put }, url) =>
      put(
        'script',
        { type: 'speculationrules' },
        JSON.stringify({ prerender: [{ source: 'list', urls: [url] }] }),
      ),
  },
  {
    name: 'inline script',
    from: 'document',
    deed({ element: put, world, silence }) {
      void put('script', {}, 'globalThis.inlineRan = true')
      return silence().then(() => (world['inlineRan'] === true ? 'REACHED' : 'blocked in silence'))
    },
  },
  {
    name: 'script of a blob',
    from: 'document',
    deed: ({ element: put, need }) =>
      put('script', {
        src: need('URL').createObjectURL(new (need('Blob'))(['1'], { type: 'text/javascript' })),
      }),
  },
  {
    name: 'frame of a blob',
    from: 'document',
    path: 'blob-frame.png',
    deed({ element: put, need, silence }, url) {
      const blob = new (need('Blob'))([`<img src="${url}">`], { type: 'text/html' })
      void put('iframe', { src: need('URL').createObjectURL(blob) })
      return silence()
    },
  },
  {
    name: 'document of a nested frame',
    from: 'document',
    path: 'nested-document',
    async deed({ world }, url) {
      const frame = world['document'].createElement('iframe')
      world['document'].documentElement.append(frame)
      return `REACHED ${(await frame.contentWindow.fetch(url, { mode: 'no-cors' })).type}`
    },
  },
  {
    name: 'ping of a link',
    from: 'document',
    path: 'ping',
    deed({ world, silence }, url) {
      const href = 'javascript:void 0'
      const link = Object.assign(world['document'].createElement('a'), { href, ping: url })
      world['document'].documentElement.append(link)
      link.click()
      return silence()
    },
  },
]

const styles: readonly Attack[] = [
  style('import of a style', 'import.css', '@import url(URL);'),
  style(
    'font of a style',
    'font.woff2',
    '@font-face { font-family: probe; src: url(URL) } .probe { font-family: probe }',
  ),
  style('background', 'background.png', '.probe { background: url(URL) }'),
  style('image set', 'image-set.png', '.probe { background: image-set("URL" 1x) }'),
  style(
    'cross-fade',
    'cross-fade.png',
    '.probe { background: -webkit-cross-fade(url(URL), url(data:,), 50%) }',
  ),
  style('list mark', 'list.png', '.probe { display: list-item; list-style-image: url(URL) }'),
  style('border', 'border.png', '.probe { border: 9px solid; border-image: url(URL) 9 }'),
  style('content', 'content.png', '.probe::before { content: url(URL) }'),
  style('mask', 'mask.png', '.probe { mask-image: url(URL) }'),
  style('shape', 'shape.png', '.probe { float: left; shape-outside: url(URL) }'),
  style('filter', 'filter.svg', '.probe { filter: url(URL#f) }'),
  style('value asked of a style', 'selector.png', '.probe:not([lang]) { background: url(URL) }'),
  {
    name: 'style of an element',
    from: 'document',
    path: 'inline-style.png',
    deed({ world, silence }, url) {
      world['document'].documentElement.style.backgroundImage = `url(${url})`
      return silence()
    },
  },
  {
    name: 'cursor',
    from: 'document',
    path: 'cursor.png',
    deed({ world, silence }, url) {
      world['document'].documentElement.style.cursor = `url(${url}), auto`
      return silence()
    },
  },
  {
    name: 'adopted style sheet',
    from: 'document',
    path: 'adopted.png',
    deed({ world, need, silence }, url) {
      const sheet = new (need('CSSStyleSheet'))()
      sheet.replaceSync(`title { display: block } html { border-image: url(${url}) 1 }`)
      world['document'].adoptedStyleSheets = [sheet]
      return silence()
    },
  },
]

/** A form, sent in one of its ways. */
const form = (name: string, path: string, attributes: Readonly<Record<string, string>>): Attack => ({
  name,
  from: 'document',
  path,
  alone: true,
  deed: written(`(tools, url) => {
    const form = tools.world.document.createElement('form')
    for (const [name, value] of Object.entries(${JSON.stringify(attributes)})) form.setAttribute(name, value)
    form.action = url
    tools.world.document.documentElement.append(form)
    form.requestSubmit()
    return tools.silence(300)
  }`),
})

const windows: readonly Attack[] = [
  form('form', 'form', { method: 'post' }),
  form('form to the top', 'form-top', { target: '_top' }),
  form('form to a new window', 'form-blank', { target: '_blank' }),
  goes('window.open', 'popup', ({ need }, url) => (need('open')(url) === null ? 'blocked' : 'REACHED')),
  goes('link to a new window', 'top-blank', ({ world, silence }, href) => {
    const made = Object.assign(world['document'].createElement('a'), { href, target: '_blank' })
    world['document'].documentElement.append(made)
    made.click()
    return silence(300)
  }),
  goes('link to the top', 'top-link', ({ world, silence }, href) => {
    const made = Object.assign(world['document'].createElement('a'), { href, target: '_top' })
    world['document'].documentElement.append(made)
    made.click()
    return silence(300)
  }),
  goes('navigation of the top', 'top', ({ world, silence }: Tools, url) => {
    world['top'].location.href = url
    return silence(300)
  }),
  goes('navigation of the parent', 'top-parent', ({ world, silence }, url) => {
    world['parent'].location = url
    return silence(300)
  }),
  {
    name: 'history',
    from: 'document',
    deed({ world, targets }) {
      if (targets.canary === world['location'].origin) return 'alone'
      world['history'].pushState({}, '', targets.canary)
      return 'REACHED'
    },
  },
]

/** Each is tried in a frame of its own, which it takes away from under us. */
export const departures: readonly Attack[] = [
  goes('location.href', 'top-href', ({ world }, url) => Reflect.set(world['location'], 'href', url)),
  goes('location.replace', 'top-replace', ({ world }, url) => world['location'].replace(url)),
  goes('navigation', 'top-navigate', ({ world }, url) => void world['navigation'].navigate(url)),
  goes('refresh', 'top-refresh', ({ world, silence }, url) => {
    const meta = world['document'].createElement('meta')
    meta.httpEquiv = 'refresh'
    meta.content = `0;${url}`
    world['document'].head.append(meta)
    return silence(300)
  }),
  goes('download', 'top-download', ({ world }, href) => {
    const link = Object.assign(world['document'].createElement('a'), { href, download: 'x' })
    world['document'].documentElement.append(link)
    link.click()
  }),
  goes('link', 'top-self', ({ world }, href) => {
    const link = Object.assign(world['document'].createElement('a'), { href })
    world['document'].documentElement.append(link)
    link.click()
  }),
]

export const documentAttacks: readonly Attack[] = [...elements, ...styles, ...windows]
