import { css, html, LitElement, type TemplateResult } from 'lit'
import { formStyle } from './form-style.ts'
import { sharedStyle } from './shared-style.ts'

/** A file that is chosen or dropped. Tells of it with the event `picked`. */
export class DropZone extends LitElement {
  static override properties = {
    label: {},
    accept: {},
    isOver: { state: true },
  }
  static override styles = [
    sharedStyle,
    formStyle,
    css`
      .zone {
        display: grid;
        gap: 0.6rem;
        align-content: center;
        min-height: 7rem;
        padding: 1rem;
        border: 2px dashed var(--line);
        border-radius: 10px;
        background: var(--sunken);
        text-align: center;
      }
      .zone[data-over] {
        border-color: var(--accent);
        background: var(--accent-soft);
      }
    `,
  ]

  declare label: string
  declare accept: string
  declare protected isOver: boolean

  constructor() {
    super()
    this.label = ''
    this.accept = ''
    this.isOver = false
  }

  get file(): File | undefined {
    return this.#input?.files?.[0]
  }

  /** The files of a drop here, or beside the zone; false when it has none. */
  take(event: DragEvent): boolean {
    const files = event.dataTransfer?.files
    if (files === undefined || files.length === 0 || this.#input === null) return false
    event.preventDefault()
    this.#input.files = files
    this.#picked()
    return true
  }

  protected override render(): TemplateResult {
    return html`<div
      class="zone"
      ?data-over=${this.isOver}
      @dragenter=${this.#over}
      @dragover=${this.#over}
      @dragleave=${this.#left}
      @drop=${this.#dropped}
    >
      <input type="file" aria-label=${this.label} accept=${this.accept} @change=${this.#picked} />
      <p class="muted small" aria-hidden="true">or drop a file here</p>
    </div>`
  }

  get #input(): HTMLInputElement | null {
    return this.renderRoot.querySelector('input')
  }

  readonly #over = (event: DragEvent): void => {
    if (event.dataTransfer?.types.includes('Files') !== true) return
    event.preventDefault()
    this.isOver = true
  }

  readonly #left = (): void => {
    this.isOver = false
  }

  readonly #dropped = (event: DragEvent): void => {
    this.isOver = false
    event.stopPropagation()
    this.take(event)
  }

  readonly #picked = (): void => {
    this.dispatchEvent(new Event('picked'))
  }
}

customElements.define('drop-zone', DropZone)
