import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { ContributionSettings } from '../node/contribution-settings.ts'
import type { DownloadState } from '../node/downloads.ts'
import type { TabNode } from '../node/tab-node.ts'
import type { RunState, TabState } from '../node/tab-state.ts'
import { sharedStyle } from './shared-style.ts'
import { counted, durationSince, pauseWords, shortId } from './words.ts'

/** WEB-01: the visitor's consent, what it covers, and what is done with it now. */
export class ContributeCard extends LitElement {
  static override properties = {
    node: { attribute: false },
    state: { attribute: false },
    dragged: { state: true },
  }
  static override styles = [
    sharedStyle,
    css`
      section {
        height: 100%;
        display: grid;
        gap: 1.25rem;
        align-content: start;
      }
      .head {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 0.4rem 1.5rem;
        align-items: center;
      }
      .head p {
        grid-column: 1 / -1;
        max-width: 62ch;
      }
      button.switch {
        display: inline-flex;
        align-items: center;
        gap: 0.7rem;
        border: 0;
        background: none;
        padding: 0.25rem;
        border-radius: 99px;
      }
      .switch .word {
        min-width: 1.9rem;
        text-align: right;
      }
      .track {
        width: 4rem;
        height: 2.25rem;
        border-radius: 99px;
        background: var(--surface);
        border: 2px solid var(--control-line);
        padding: 3px;
        transition: background 0.15s, border-color 0.15s;
      }
      .knob {
        display: block;
        width: 1.6rem;
        height: 100%;
        border-radius: 99px;
        background: var(--control-line);
        transition: transform 0.15s, background 0.15s;
      }
      [aria-checked='true'] .track {
        background: var(--accent);
        border-color: var(--accent);
      }
      [aria-checked='true'] .knob {
        background: var(--on-accent);
        transform: translateX(calc(4rem - 4px - 6px - 1.6rem));
      }
      @media (prefers-reduced-motion: reduce) {
        .track,
        .knob {
          transition: none;
        }
      }
      .settings {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
        gap: 1rem 2rem;
        padding-top: 1.1rem;
        border-top: 1px solid var(--line);
      }
      .slots label {
        display: flex;
        justify-content: space-between;
        gap: 1rem;
      }
      .slots label,
      legend {
        font-weight: 600;
        font-size: 0.9rem;
        padding: 0;
      }
      .slots input {
        width: 100%;
        appearance: none;
        background: none;
        margin: 0.6rem 0 0.2rem;
        height: 1.75rem;
        cursor: pointer;
        border-radius: 99px;
      }
      .slots input::-webkit-slider-runnable-track {
        height: 0.45rem;
        border-radius: 99px;
        background: linear-gradient(var(--accent) 0 0) no-repeat var(--line);
        background-size: var(--filled) 100%;
      }
      .slots input::-moz-range-track {
        height: 0.45rem;
        border-radius: 99px;
        background: var(--line);
      }
      .slots input::-moz-range-progress {
        height: 0.45rem;
        border-radius: 99px;
        background: var(--accent);
      }
      .slots input::-webkit-slider-thumb {
        appearance: none;
        width: 1.4rem;
        height: 1.4rem;
        margin-top: -0.475rem;
        border-radius: 50%;
        background: var(--surface);
        border: 3px solid var(--accent);
      }
      .slots input::-moz-range-thumb {
        width: 1.1rem;
        height: 1.1rem;
        border-radius: 50%;
        background: var(--surface);
        border: 3px solid var(--accent);
      }
      .slots input:disabled {
        opacity: 0.5;
        cursor: default;
      }
      .strong {
        font-weight: 600;
        font-size: 0.95rem;
      }
      output {
        font-variant-numeric: tabular-nums;
        font-weight: 400;
        color: var(--muted);
        white-space: nowrap;
      }
      .now {
        background: var(--sunken);
        border-radius: 10px;
        padding: 0.9rem 1.1rem;
        display: grid;
        gap: 0.4rem;
        align-content: start;
        min-height: 8.4rem;
      }
      .download {
        min-height: 1.55em;
        font-variant-numeric: tabular-nums;
      }
      .now .line {
        display: flex;
        justify-content: space-between;
        gap: 0.25rem 1rem;
        flex-wrap: wrap;
      }
      .runs {
        display: grid;
        gap: 0.15rem;
      }
      @media (max-width: 36rem) {
        .settings {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ]

  declare node: TabNode | undefined
  declare state: TabState | undefined
  /** Slots under the visitor's finger: they count when let go. */
  declare protected dragged: number | undefined

  protected override render(): TemplateResult {
    const consent = this.state?.contribution.settings.consent ?? false
    return html`
      <section class="card" aria-labelledby="title">
        <div class="head">
          <h2 id="title">Lend computing time</h2>
          <button
            class="switch"
            role="switch"
            aria-checked=${consent}
            aria-labelledby="title"
            aria-describedby="meaning"
            ?disabled=${this.node === undefined}
            @click=${() => this.#change({ consent: !consent })}
          >
            <span class="word" aria-hidden="true">${consent ? 'On' : 'Off'}</span>
            <span class="track" aria-hidden="true"><span class="knob"></span></span>
          </button>
          <p class="muted" id="meaning">
            While this is on, this tab runs small programs that others in the network send. They get processor time
            and nothing else: each runs in a sandbox that reaches neither your files nor this page nor the internet.
            Switch it off, or close the tab, and they stop at once.
          </p>
        </div>
        ${this.#settings()} ${this.#now()}
      </section>
    `
  }

  #settings(): TemplateResult {
    const { settings, slotsMax } = this.state?.contribution ?? {}
    const slots = this.dragged ?? settings?.slots ?? 1
    const max = slotsMax ?? 1
    const isDisabled = this.node === undefined
    return html`<div class="settings">
      <div class="slots">
        <label for="slots">Programs at a time <output for="slots">${slots} of ${max}</output></label>
        <input
          id="slots"
          type="range"
          min="1"
          max=${max}
          step="1"
          .value=${String(slots)}
          .style=${`--filled: ${max === 1 ? 100 : (100 * (slots - 1)) / (max - 1)}%`}
          aria-valuetext=${`${slots} of ${max}`}
          ?disabled=${isDisabled || max === 1}
          @input=${(event: Event) => {
            this.dragged = Number((event.target as HTMLInputElement).value)
          }}
          @change=${(event: Event) => {
            this.dragged = undefined
            this.#change({ slots: Number((event.target as HTMLInputElement).value) })
          }}
        />
        <p class="muted small">This computer has ${counted(max, 'processor core')}.</p>
      </div>
      <fieldset ?disabled=${isDisabled}>
        <legend>Pause</legend>
        ${this.#choice('pauseWhenHidden', 'while this tab is hidden')}
        ${this.#choice('pauseOnBattery', 'on battery')}
        ${this.#choice('pauseOnMetered', 'on a metered connection')}
      </fieldset>
    </div>`
  }

  #choice(name: 'pauseWhenHidden' | 'pauseOnBattery' | 'pauseOnMetered', words: string): TemplateResult {
    return html`<label class="choice">
      <input
        type="checkbox"
        .checked=${this.state?.contribution.settings[name] ?? false}
        @change=${(event: Event) => this.#change({ [name]: (event.target as HTMLInputElement).checked })}
      />
      ${words}
    </label>`
  }

  #now(): TemplateResult {
    const { state } = this
    const runs = state?.runs ?? []
    return html`<div class="now">
      <div class="line">
        <p class="strong" role="status" aria-label="Contribution">${statusWords(state)}</p>
        <span class="muted small">${counted(state?.counters.answered ?? 0, 'task')} answered</span>
      </div>
      <p class="download small muted" role="status" aria-live="off" aria-label="Download">
        ${downloadWords(state?.downloads[0])}
      </p>
      ${
        state?.contribution.problem === undefined
          ? nothing
          : html`<p class="notice bad small" role="alert">${state.contribution.problem}</p>`
      }
      <ul class="runs small" aria-label="Running now">
        ${runs.map(runLine)}
      </ul>
    </div>`
  }

  #change(settings: Partial<ContributionSettings>): void {
    this.node?.contribute(settings)
  }
}

const runLine = (run: RunState): TemplateResult => html`<li>
  A program for <span class="mono" title=${run.submitter}>${shortId(run.submitter)}</span>,
  ${durationSince(run.startedAt, Date.now())}
</li>`

/** Only the first of them: the others follow. */
function downloadWords(download: DownloadState | undefined): string {
  if (download === undefined) return ''
  const { what, receivedBytes, totalBytes } = download
  const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(totalBytes < 10 * 2 ** 20 ? 1 : 0)
  const amount = `${megabytes(receivedBytes)} of ${megabytes(totalBytes)} MB`
  switch (what) {
    case 'onnxEngine':
      return `Downloading the engine for models: ${Math.floor((100 * receivedBytes) / totalBytes)} %`
    case 'program':
      return `Downloading a program or model: ${amount}`
    case 'input':
      return `Downloading data for a program: ${amount}`
  }
}

/** Tabs that are connected may take the relay's place. */
function awayWords({ members, node, relay }: TabState): string {
  if (members.length > 0) return 'Ready; the relay is away, connected tabs may send work'
  return node === 'offline' || relay.failures > 0
    ? 'Ready, but the relay cannot be reached'
    : 'Ready, connecting…'
}

function statusWords(state: TabState | undefined): string {
  if (state === undefined) return 'Nothing runs'
  const { status, pausedBy } = state.contribution
  switch (status) {
    case 'off':
      return 'Nothing runs: the switch is off'
    case 'starting':
      return 'Making the sandbox ready…'
    case 'failed':
      return 'The sandbox could not be started'
    case 'paused':
      return pausedBy === undefined ? 'Paused' : pauseWords[pausedBy]
    case 'lending':
      if (state.runs.length > 0) return `Running ${counted(state.runs.length, 'program')}`
      return state.relay.isUp ? 'Ready, waiting for work' : awayWords(state)
  }
}

customElements.define('contribute-card', ContributeCard)
