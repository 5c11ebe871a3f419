import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.ts'

interface Answer {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

/**
 * A Chromium over its DevTools protocol alone. Playwright keeps every page visible and switches the throttling of hidden
 * pages off; here a page is hidden when another one is in front of it, and is treated as the browser treats hidden pages.
 */
export class PlainBrowser {
  readonly #child: ChildProcess
  readonly #profile: string
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #last = 0

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.#child = child
    this.#profile = profile
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer
      this.#waiting.get(answer.id ?? 0)?.(answer)
      this.#waiting.delete(answer.id ?? 0)
    })
  }

  static async launch(...args: readonly string[]): Promise<PlainBrowser> {
    const profile = await mkdtemp(join(tmpdir(), 'tabmesh-chromium-'))
    const child = spawn(
      ensureChromium(),
      ['--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`, ...chromiumArgs, ...args],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const address = await new Promise<string>((resolve, reject) => {
      let said = ''
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        const found = /ws:\/\/\S+/.exec(said)
        if (found !== null) resolve(found[0])
      })
      child.once('exit', (code) => reject(new Error(`Chromium ended with ${code}: ${said}`)))
      child.once('error', reject)
    })
    const socket = new WebSocket(address)
    await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }))
    return new PlainBrowser(child, profile, socket)
  }

  /** A page in front of those before it, which are hidden by it. */
  async open(url: string): Promise<PlainPage> {
    const { targetId } = (await this.call('Target.createTarget', { url })) as { targetId: string }
    await this.call('Target.activateTarget', { targetId })
    const attached = await this.call('Target.attachToTarget', { targetId, flatten: true })
    return new PlainPage(this, (attached as { sessionId: string }).sessionId)
  }

  async call(method: string, params: object = {}, sessionId?: string): Promise<unknown> {
    const id = ++this.#last
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve))
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    const { result, error } = await answer
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  async close(): Promise<void> {
    this.#socket.close()
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

export class PlainPage {
  readonly #browser: PlainBrowser
  readonly #sessionId: string

  constructor(browser: PlainBrowser, sessionId: string) {
    this.#browser = browser
    this.#sessionId = sessionId
  }

  /** The value of an expression, as JSON has it; works in a frozen page too. */
  async value(expression: string): Promise<unknown> {
    const params = { expression, returnByValue: true, awaitPromise: true }
    const { result, exceptionDetails } = (await this.call('Runtime.evaluate', params)) as {
      readonly result: { readonly value?: unknown }
      readonly exceptionDetails?: { readonly text: string }
    }
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${exceptionDetails.text}`)
    return result.value
  }

  async setLifecycle(state: 'frozen' | 'active'): Promise<void> {
    await this.call('Page.setWebLifecycleState', { state })
  }

  async call(method: string, params: object = {}): Promise<unknown> {
    return await this.#browser.call(method, params, this.#sessionId)
  }
}
