import { html, LitElement, type TemplateResult } from 'lit'
import type { JsonValue } from '../../shared/client/item-splitter.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { blobPayloadBytesMax } from '../../shared/task/task.ts'
import type { ExampleInput } from './catalog.ts'
import './drop-zone.ts'
import type { DropZone } from './drop-zone.ts'
import { formStyle } from './form-style.ts'
import { guessItems, type ItemKind, itemKinds } from './items.ts'
import { lateCode } from './late-code.ts'
import { radio } from './radio.ts'
import { sharedStyle } from './shared-style.ts'
import { sizeWords } from './words.ts'

/** What a program runs on. It shows an example until something is typed, and never writes over what was. */
export class InputField extends LitElement {
  static override properties = {
    example: { attribute: false },
    isFile: { state: true },
    items: { state: true },
  }
  static override styles = [sharedStyle, formStyle]

  declare example: ExampleInput
  declare protected isFile: boolean
  declare protected items: ItemKind
  /** What the box was filled with, unless something was typed since. */
  #filled = ''
  /** The visitor chose the items: nothing is guessed any more. */
  #isChosen = false

  constructor() {
    super()
    this.isFile = false
    this.items = 'lines'
  }

  /** The items; rejects with words for people. */
  async read(): Promise<readonly JsonValue[]> {
    const { itemsOf } = await lateCode()
    const items = itemsOf(await this.#bytes(), this.items)
    if (items instanceof Refusal) throw new Error(`The input cannot be read: ${items.message}`)
    return items
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('example')) this.#guess()
  }

  protected override updated(changed: Map<string, unknown>): void {
    if (!changed.has('example')) return
    const box = this.#box
    if (box.value !== this.#filled) return
    box.value = this.example.text
    this.#filled = this.example.text
  }

  protected override render(): TemplateResult {
    return html`<div class="field" @drop=${this.#drop}>
      <fieldset>
        <legend>Input</legend>
        <div class="choices">
          ${radio('input', 'Type or paste', !this.isFile, () => this.#become(false))}
          ${radio('input', 'File', this.isFile, () => this.#become(true))}
        </div>
      </fieldset>
      <div class="source">
        <textarea id="input-text" aria-label="Input text" spellcheck="false" autocapitalize="off"
          ?hidden=${this.isFile}></textarea>
        <drop-zone label="Input file" ?hidden=${!this.isFile} @picked=${this.#guess}></drop-zone>
        <label for="items">Items</label>
        <select id="items" @change=${this.#choose}>
          ${Object.entries(itemKinds).map(
            ([kind, words]) => html`<option value=${kind} .selected=${kind === this.items}>${words}</option>`,
          )}
        </select>
      </div>
    </div>`
  }

  async #bytes(): Promise<Uint8Array> {
    if (!this.isFile) return new TextEncoder().encode(this.#box.value)
    const { file } = this.#zone
    if (file === undefined) throw new Error('Choose an input file first')
    const isOne = this.items === 'text' || this.items === 'value'
    if (isOne && file.size > blobPayloadBytesMax) {
      throw new Error(
        `${file.name} has ${sizeWords(file.size)}, and one item may have ${sizeWords(blobPayloadBytesMax)}: make several items of it`,
      )
    }
    return new Uint8Array(await file.arrayBuffer())
  }

  #become(isFile: boolean): void {
    this.isFile = isFile
    this.#guess()
  }

  readonly #guess = (): void => {
    if (this.#isChosen) return
    const file = this.isFile ? this.#zone.file : undefined
    this.items = file === undefined ? this.example.items : guessItems(file.name, this.example.whole)
  }

  /** A file may as well be dropped on the box. */
  readonly #drop = (event: DragEvent): void => {
    if (this.#zone.take(event)) this.#become(true)
  }

  readonly #choose = (event: Event): void => {
    this.#isChosen = true
    this.items = (event.target as HTMLSelectElement).value as ItemKind
  }

  get #box(): HTMLTextAreaElement {
    return this.renderRoot.querySelector('textarea')!
  }

  get #zone(): DropZone {
    return this.renderRoot.querySelector<DropZone>('drop-zone')!
  }
}

customElements.define('input-field', InputField)
