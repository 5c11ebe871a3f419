import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { JsonValue } from '../../shared/client/item-splitter.ts'
import { type CatalogEntry, catalog, type ExampleInput, readOptions, withOptions } from './catalog.ts'
import './drop-zone.ts'
import type { DropZone } from './drop-zone.ts'
import { formStyle } from './form-style.ts'
import { lateCode } from './late-code.ts'
import { inspectProgram, kindWords, type ProgramFile, programEndings } from './program-file.ts'
import { radio } from './radio.ts'
import { sharedStyle } from './shared-style.ts'
import { sizeWords } from './words.ts'

type Source = 'offered' | 'text' | 'file'

/** A program as it will be submitted. */
export interface Program {
  readonly name: string
  readonly taskType: string
  readonly bytes: Uint8Array
  /** What it gets of an item. */
  readonly inputOf: (item: JsonValue) => JsonValue
}

const exampleProgram = `// Gets one item and returns its answer; both are JSON.
export default function (item) {
  return { item, letters: [...item].length }
}
`
const sources: Readonly<Record<Source, string>> = {
  offered: 'Ready-made',
  text: 'Write JavaScript',
  file: 'Program file',
}
const groups = ['Text', 'Tables', 'Models'] as const

/** The program of a job: one that is offered, one that is written here, or a file. Tells of another choice with `chosen`. */
export class ProgramField extends LitElement {
  static override properties = {
    source: { state: true },
    entry: { state: true },
    picked: { state: true },
  }
  static override styles = [
    sharedStyle,
    formStyle,
    css`
      .about {
        display: grid;
        gap: 0.3rem;
      }
    `,
  ]

  declare protected source: Source
  declare protected entry: CatalogEntry
  /** The file, or why it is no program. */
  declare protected picked: ProgramFile | string | undefined
  #fetchesAhead = false

  constructor() {
    super()
    this.source = 'offered'
    this.entry = catalog[0]!
  }

  /** An input for what is chosen now. */
  get example(): ExampleInput {
    if (this.source === 'offered') return this.entry.example
    return kindWords[this.#kind ?? 'javascript'].example
  }

  /** The program; rejects with words for people when there is none yet, or the relay does not give it. */
  async read(): Promise<Program> {
    switch (this.source) {
      case 'offered':
        return await this.#offered()
      case 'text': {
        const { value } = this.renderRoot.querySelector<HTMLTextAreaElement>('#program-text')!
        if (value.trim() === '') throw new Error('Write a program first')
        const bytes = new TextEncoder().encode(value)
        return {
          name: 'Your program',
          taskType: kindWords.javascript.taskType,
          bytes,
          inputOf: (item) => item,
        }
      }
      case 'file': {
        const { picked } = this
        if (picked === undefined) throw new Error('Choose a program file first')
        // What is wrong with it stands at the field.
        if (typeof picked === 'string') throw new Error('There is no program to run yet: choose another file')
        const { file, kind } = picked
        const bytes = new Uint8Array(await file.arrayBuffer())
        return { name: file.name, taskType: kindWords[kind].taskType, bytes, inputOf: (item) => item }
      }
    }
  }

  /** Has the ready-made program that is chosen kept, and from now on each that is; rejects when it cannot be had. */
  async fetchAhead(): Promise<void> {
    this.#fetchesAhead = true
    if (this.source === 'offered') await (await lateCode()).keepProgram(this.entry.url)
  }

  async #offered(): Promise<Program> {
    const { title, taskType, url, subject } = this.entry
    const options = readOptions(this.renderRoot.querySelector<HTMLInputElement>('#options')?.value ?? '')
    if (typeof options === 'string') throw new Error(options)
    const bytes = await (await lateCode()).offeredProgram(title, url)
    const inputOf = (item: JsonValue) => (subject === undefined ? item : withOptions(item, subject, options))
    return { name: title, taskType, bytes, inputOf }
  }

  protected override render(): TemplateResult {
    return html`<div class="field" @drop=${this.#drop}>
      <fieldset>
        <legend>Program</legend>
        <div class="choices">
          ${Object.entries(sources).map(([source, words]) =>
            radio('program', words, source === this.source, () => this.#choose({ source: source as Source })),
          )}
        </div>
      </fieldset>
      <div class="source">
        ${this.#offer()}
        <textarea
          id="program-text"
          aria-label="Program text"
          spellcheck="false"
          autocapitalize="off"
          .defaultValue=${exampleProgram}
          ?hidden=${this.source !== 'text'}
        ></textarea>
        <drop-zone label="Program file" accept=${programEndings} ?hidden=${this.source !== 'file'}
          @picked=${this.#pick}></drop-zone>
        ${this.#about()}
      </div>
    </div>`
  }

  #offer(): TemplateResult | typeof nothing {
    if (this.source !== 'offered') return nothing
    return html`<select aria-label="Ready-made program" @change=${this.#pickEntry}>
      ${groups.map(
        (group) => html`<optgroup label=${group}>
          ${catalog
            .filter((entry) => entry.group === group)
            .map(
              (entry) =>
                html`<option value=${entry.name} ?selected=${entry === this.entry}>${entry.title}</option>`,
            )}
        </optgroup>`,
      )}
    </select>`
  }

  /** What the chosen program is, and what it takes. */
  #about(): TemplateResult {
    if (this.source === 'offered') {
      const { summary, takes, options, optionsMean } = this.entry
      return html`<div class="about" aria-live="polite">
          <p>${summary}</p>
          <p class="muted small">${takes}</p>
        </div>
        ${
          options === undefined
            ? nothing
            : html`<label for="options">Options</label>
                <input id="options" class="mono" type="text" spellcheck="false" autocapitalize="off"
                  autocomplete="off" aria-describedby="options-mean" .value=${options} />
                <p class="muted small" id="options-mean">${optionsMean}</p>`
        }`
    }
    if (this.source === 'file' && typeof this.picked === 'string') {
      return html`<p class="notice bad small" role="alert">${this.picked}</p>`
    }
    const kind = this.#kind
    if (kind === undefined) {
      return html`<p class="muted small">
        JavaScript (.js, .mjs), a WebAssembly module for WASI (.wasm) or an ONNX model (.onnx, up to 64 MB).
      </p>`
    }
    const { name, is, takes } = kindWords[kind]
    const size =
      this.source === 'file' ? html`, ${sizeWords((this.picked as ProgramFile).file.size)}` : nothing
    return html`<div class="about" aria-live="polite">
      <p><strong>${name}</strong>${size}. ${is}</p>
      <p class="muted small">${takes}</p>
    </div>`
  }

  /** Of what was written or picked; `undefined` while no file is. */
  get #kind() {
    if (this.source !== 'file') return 'javascript'
    return typeof this.picked === 'object' ? this.picked.kind : undefined
  }

  #choose(choice: {
    source?: Source
    entry?: CatalogEntry
    picked?: ProgramFile | string | undefined
  }): void {
    Object.assign(this, choice)
    this.dispatchEvent(new Event('chosen'))
  }

  /** A file may as well be dropped on the text. */
  readonly #drop = (event: DragEvent): void => {
    if (this.renderRoot.querySelector<DropZone>('drop-zone')!.take(event)) this.#choose({ source: 'file' })
  }

  readonly #pickEntry = (event: Event): void => {
    const { value } = event.target as HTMLSelectElement
    this.#choose({ entry: catalog.find(({ name }) => name === value)! })
    // Where it fails, running asks once more, and says what is wrong.
    if (this.#fetchesAhead) this.fetchAhead().catch(() => undefined)
  }

  readonly #pick = async (event: Event): Promise<void> => {
    const zone = event.target as DropZone
    const { file } = zone
    const picked = file === undefined ? undefined : await inspectProgram(file)
    // Another one may have been picked meanwhile.
    if (zone.file === file) this.#choose({ picked })
  }
}

customElements.define('program-field', ProgramField)
