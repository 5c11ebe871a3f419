import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { TabState } from '../node/tab-state.ts'
import { AppModel, type Phase } from './app-model.ts'
import { connectionOf } from './connection.ts'
import './contribute-card.ts'
import './network-card.ts'
import './submit-card.ts'
import { sharedStyle } from './shared-style.ts'
import { shortId } from './words.ts'

/** The clock on the page, in ms: durations and counters move on by it. */
const tickMs = 1_000

/** The page: the node's state in the header, and the three things one does here. */
export class TabmeshApp extends LitElement {
  static override styles = [
    sharedStyle,
    css`
      header,
      main,
      footer {
        width: min(72rem, 100% - 2 * clamp(1rem, 4vw, 2.5rem));
        margin-inline: auto;
      }
      header {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 0.75rem 1.5rem;
        flex-wrap: wrap;
        padding-block: 1.4rem;
        min-height: 5rem;
      }
      .brand {
        display: flex;
        align-items: center;
        gap: 0.7rem;
      }
      .brand svg {
        width: 2.1rem;
        height: 2.1rem;
        flex: none;
      }
      h1 {
        font-size: 1.35rem;
        font-weight: 700;
        letter-spacing: -0.02em;
        margin: 0;
        line-height: 1.2;
      }
      .connection {
        display: inline-flex;
        align-items: center;
        gap: 0.6rem;
        padding: 0.4rem 0.95rem;
        border-radius: 99px;
        border: 1px solid var(--line);
        background: var(--surface);
        font-size: 0.9rem;
        min-height: 2.4rem;
      }
      .connection::before {
        content: '';
        width: 0.6rem;
        height: 0.6rem;
        border-radius: 50%;
        background: var(--control-line);
        flex: none;
      }
      .connection[data-tone='good']::before {
        background: var(--accent);
      }
      .connection[data-tone='warn']::before {
        background: var(--warn);
      }
      .connection[data-tone='bad']::before {
        background: var(--bad);
      }
      main {
        display: grid;
        gap: 1.25rem;
        grid-template-columns: minmax(0, 1.35fr) minmax(0, 1fr);
        align-items: stretch;
      }
      .wide {
        grid-column: 1 / -1;
      }
      footer {
        padding-block: 2rem 3rem;
        display: flex;
        flex-wrap: wrap;
        gap: 0.25rem 1.5rem;
        min-height: 6rem;
      }
      a {
        color: inherit;
      }
      @media (max-width: 56rem) {
        main {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ]

  readonly #model = new AppModel(() => this.requestUpdate())
  #tick: ReturnType<typeof setInterval> | undefined

  /** What the page knows of its node now; read-only, for tests and the curious. */
  get model(): Pick<AppModel, 'phase' | 'state'> {
    return this.#model
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.textContent = ''
    this.#tick = setInterval(() => {
      if (document.visibilityState === 'visible') this.requestUpdate()
    }, tickMs)
    void this.#model.start(location, import.meta.env.TABMESH_VERSION)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearInterval(this.#tick)
  }

  protected override render(): TemplateResult {
    const { phase, state } = this.#model
    const node = phase.kind === 'running' ? phase.node : undefined
    const connection = connectionOf(phase, state)
    return html`
      <header>
        <div class="brand">${logo}<h1>Tabmesh</h1></div>
        <div class="connection" role="status" aria-label="Connection" data-tone=${connection.tone}>
          ${connection.text}
        </div>
      </header>
      <main>
        ${noticeOf(phase, state)}
        <contribute-card .node=${node} .state=${state}></contribute-card>
        <network-card .state=${state}></network-card>
        <submit-card class="wide" .node=${node} .state=${state}></submit-card>
      </main>
      <footer class="muted small">
        <a href="/docs">API for programs</a>${state === undefined ? nothing : footerOf(state)}
      </footer>
    `
  }
}

function noticeOf(phase: Phase, state: TabState | undefined): TemplateResult | typeof nothing {
  switch (phase.kind) {
    case 'refused':
      return html`<p class="notice bad wide" role="alert">${phase.message}</p>`
    case 'elsewhere':
      return html`<p class="notice wide" role="status">
        This page already runs in another tab. Here you see what that tab does; close it, and this one takes over.
      </p>`
    case 'starting':
      return phase.problem === undefined
        ? nothing
        : html`<p class="notice wide" role="status">${phase.problem}. Trying again.</p>`
    case 'running':
      if (state?.ended !== undefined) {
        return html`<p class="notice bad wide" role="alert">
          ${state.ended}. This tab does nothing more; reload the page to start it again.
        </p>`
      }
      return state?.relay.isOtherNetwork === true
        ? html`<p class="notice wide" role="alert">
            The relay runs another network now. Reload the page to join it.
          </p>`
        : nothing
  }
}

const footerOf = (state: TabState): TemplateResult => html`
  <span>This tab is <span class="mono" title=${state.peerId}>${shortId(state.peerId)}</span></span>
  <span>Network <span class="mono" title=${state.networkId}>${state.networkId.slice(0, 8)}</span></span>
  <span>Tabmesh ${state.version}</span>
`

const logo = html`<svg viewBox="0 0 32 32" aria-hidden="true">
  <rect width="32" height="32" rx="8" fill="#0b6651" />
  <path d="M16 9.5 9 21.5h14z" fill="none" stroke="#fff" stroke-opacity=".55" stroke-width="2" />
  <circle cx="16" cy="9" r="3.6" fill="#fff" />
  <circle cx="8.6" cy="22" r="3.6" fill="#fff" />
  <circle cx="23.4" cy="22" r="2.8" fill="#0b6651" stroke="#fff" stroke-width="1.8" />
</svg>`

customElements.define('tabmesh-app', TabmeshApp)
