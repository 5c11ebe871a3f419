import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import { type MapKind, mapInput } from '../../shared/client/map-input.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { findBuiltIn } from '../../shared/runtime/built-in.ts'
import type { TabNode } from '../node/tab-node.ts'
import type { TabState } from '../node/tab-state.ts'
import { readBuiltIn } from '../sandbox/built-in-source.ts'
import { formStyle } from './form-style.ts'
import { JobRun } from './job-run.ts'
import './job-view.ts'
import './receipt-check.ts'
import { sharedStyle } from './shared-style.ts'

type ProgramSource = 'word_count' | 'file' | 'text'
type InputSource = 'text' | 'file'

/** A program as it will be submitted. */
interface Program {
  readonly name: string
  readonly taskType: string
  readonly bytes: Uint8Array
}

const builtIn = findBuiltIn('word_count')!
const example = JSON.stringify(builtIn.example)

const exampleProgram = `// Gets one item and returns its answer; both are JSON.
export default function (item) {
  return { item, letters: [...item].length }
}
`
const exampleInput = `Many tabs make light work.
Two of three equal answers decide.
Every answer carries its receipt.
`
const mapNames: Readonly<Record<MapKind, string>> = {
  lines: 'Each line is an item',
  csv: 'CSV: each row is an item, the first names the fields',
  json: 'JSON: each element of an array is an item',
  single: 'All of it is one item',
}

/** WEB-02, first form: a program, what it runs on, and the job that comes of it. */
export class SubmitCard extends LitElement {
  static override properties = {
    node: { attribute: false },
    state: { attribute: false },
    programSource: { state: true },
    inputSource: { state: true },
    map: { state: true },
    problem: { state: true },
    run: { state: true },
  }
  static override styles = [
    sharedStyle,
    formStyle,
    css`
      section {
        display: grid;
        gap: 1.5rem;
      }
      form {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
        gap: 1.5rem 2rem;
      }
      .intro {
        display: grid;
        gap: 0.4rem;
      }
      .intro p {
        max-width: 78ch;
      }
      pre {
        margin: 0;
        height: 11rem;
        overflow: auto;
        padding: 0.6rem 0.8rem;
        border: 1px solid var(--line);
        border-radius: 10px;
        background: var(--sunken);
        color: var(--muted);
        font: 0.8rem / 1.5 var(--mono);
        white-space: pre-wrap;
        tab-size: 2;
      }
      .wide {
        grid-column: 1 / -1;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.75rem 1.25rem;
      }
      .source {
        min-height: 13rem;
        display: grid;
        gap: 0.45rem;
        align-content: start;
      }
      @media (max-width: 48rem) {
        form {
          grid-template-columns: minmax(0, 1fr);
        }
        .source {
          min-height: 0;
        }
      }
    `,
  ]

  declare node: TabNode | undefined
  declare state: TabState | undefined
  declare protected programSource: ProgramSource
  declare protected inputSource: InputSource
  declare protected map: MapKind
  declare protected problem: string | undefined
  declare protected run: JobRun | undefined

  constructor() {
    super()
    this.programSource = 'word_count'
    this.inputSource = 'text'
    this.map = 'lines'
  }

  override connectedCallback(): void {
    super.connectedCallback()
    window.addEventListener('beforeunload', this.#warn)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    window.removeEventListener('beforeunload', this.#warn)
  }

  protected override render(): TemplateResult {
    const isRunning = this.run?.isRunning === true
    return html`
      <section class="card" aria-labelledby="title">
        <div class="intro">
          <h2 id="title">Have work done</h2>
          <p class="muted">
            One program runs over every item of your input. Three workers answer each item, two equal answers decide,
            and their signatures are your receipt. The relay and the workers can read what you send.
          </p>
        </div>
        <form @submit=${this.#submit}>
          ${this.#program()} ${this.#input()}
          <div class="wide actions">
            <button class="primary" ?disabled=${this.node === undefined || isRunning}>Run</button>
            <span class="muted small">${isRunning ? 'One job at a time: this one has to end first.' : nothing}</span>
          </div>
          ${this.problem === undefined ? nothing : html`<p class="notice bad wide" role="alert">${this.problem}</p>`}
        </form>
        ${
          this.run === undefined
            ? nothing
            : html`<job-view .run=${this.run} .missing=${this.state?.missingWorkers ?? 0}
                .isAway=${this.state?.relay.isUp === false} .tick=${Date.now()}></job-view>`
        }
        <receipt-check .node=${this.node}></receipt-check>
      </section>
    `
  }

  #program(): TemplateResult {
    return html`<div class="field">
      <fieldset>
        <legend>Program</legend>
        <div class="choices">
          ${this.#radio('program', 'word_count', 'Count words', this.programSource, this.#pickProgram)}
          ${this.#radio('program', 'text', 'Write JavaScript', this.programSource, this.#pickProgram)}
          ${this.#radio('program', 'file', 'JavaScript file', this.programSource, this.#pickProgram)}
        </div>
      </fieldset>
      <div class="source">
        <pre tabindex="0" role="region" aria-label="Program example" ?hidden=${this.programSource !== 'word_count'}>${builtIn.summary}

For example of ${example}</pre>
        <textarea
          id="program-text"
          aria-label="Program text"
          spellcheck="false"
          autocapitalize="off"
          .defaultValue=${exampleProgram}
          ?hidden=${this.programSource !== 'text'}
        ></textarea>
        <input id="program-file" type="file" aria-label="Program file" accept=".js,.mjs,text/javascript"
          ?hidden=${this.programSource !== 'file'} />
        <p class="muted small">
          ${
            this.programSource === 'word_count'
              ? 'Comes with Tabmesh. Takes a text and tells how often each word is in it.'
              : 'A module whose default export is a function from one item to one answer, both JSON.'
          }
        </p>
      </div>
    </div>`
  }

  #input(): TemplateResult {
    return html`<div class="field">
      <fieldset>
        <legend>Input</legend>
        <div class="choices">
          ${this.#radio('input', 'text', 'Type or paste', this.inputSource, this.#pickInput)}
          ${this.#radio('input', 'file', 'File', this.inputSource, this.#pickInput)}
        </div>
      </fieldset>
      <div class="source">
        <textarea id="input-text" aria-label="Input text" spellcheck="false" .defaultValue=${exampleInput}
          ?hidden=${this.inputSource !== 'text'}></textarea>
        <input id="input-file" type="file" aria-label="Input file" ?hidden=${this.inputSource !== 'file'}
          @change=${this.#guessMap} />
      </div>
      <label for="map">Items</label>
      <select id="map" @change=${(event: Event) => {
        this.map = (event.target as HTMLSelectElement).value as MapKind
      }}>
        ${Object.entries(mapNames).map(
          ([map, words]) => html`<option value=${map} ?selected=${map === this.map}>${words}</option>`,
        )}
      </select>
    </div>`
  }

  #radio(
    name: string,
    value: string,
    words: string,
    chosen: string,
    pick: (value: string) => void,
  ): TemplateResult {
    return html`<label class="choice">
      <input type="radio" name=${name} value=${value} .checked=${value === chosen} @change=${() => pick(value)} />
      ${words}
    </label>`
  }

  readonly #pickProgram = (value: string): void => {
    this.programSource = value as ProgramSource
  }

  readonly #pickInput = (value: string): void => {
    this.inputSource = value as InputSource
  }

  readonly #guessMap = (event: Event): void => {
    const name = (event.target as HTMLInputElement).files?.[0]?.name.toLowerCase() ?? ''
    if (name.endsWith('.csv')) this.map = 'csv'
    else if (name.endsWith('.json')) this.map = 'json'
    else if (this.map !== 'single') this.map = 'lines'
  }

  readonly #submit = (event: Event): void => {
    event.preventDefault()
    this.problem = undefined
    this.#start().catch((error: unknown) => {
      this.problem = error instanceof Error ? error.message : String(error)
    })
  }

  async #start(): Promise<void> {
    const { node } = this
    if (node === undefined || this.run?.isRunning === true) return
    const program = await this.#readProgram()
    if (typeof program === 'string') {
      this.problem = program
      return
    }
    const { name, bytes } = await this.#readInput()
    const items = mapInput(bytes, this.map, name)
    if (items instanceof Refusal) {
      this.problem = `The input cannot be read: ${items.message}`
      return
    }
    const job = node.map(program.bytes, items, { taskType: program.taskType })
    this.run = new JobRun(node, job, program.name, () => this.requestUpdate())
  }

  /** The program, or what is missing. */
  async #readProgram(): Promise<Program | string> {
    switch (this.programSource) {
      case 'word_count': {
        return { name: 'Count words', taskType: builtIn.type, bytes: await readBuiltIn(builtIn) }
      }
      case 'text': {
        const { value } = this.renderRoot.querySelector<HTMLTextAreaElement>('#program-text')!
        if (value.trim() === '') return 'Write a program first'
        return { name: 'Your program', taskType: 'javascript', bytes: new TextEncoder().encode(value) }
      }
      case 'file': {
        const file = this.#file('#program-file')
        if (file === undefined) return 'Choose a program file first'
        return { name: file.name, taskType: 'javascript', bytes: new Uint8Array(await file.arrayBuffer()) }
      }
    }
  }

  async #readInput(): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
    if (this.inputSource === 'text') {
      const { value } = this.renderRoot.querySelector<HTMLTextAreaElement>('#input-text')!
      return { name: '', bytes: new TextEncoder().encode(value) }
    }
    const file = this.#file('#input-file')
    if (file === undefined) throw new Error('Choose an input file first')
    return { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) }
  }

  #file(selector: string): File | undefined {
    return this.renderRoot.querySelector<HTMLInputElement>(selector)?.files?.[0]
  }

  /** A job lives in this tab: leaving ends it. */
  readonly #warn = (event: BeforeUnloadEvent): void => {
    if (this.run?.isRunning === true) event.preventDefault()
  }
}

customElements.define('submit-card', SubmitCard)
