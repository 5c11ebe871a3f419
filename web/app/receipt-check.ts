import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { ReceiptCheck, TabNode } from '../node/tab-node.ts'
import { formStyle } from './form-style.ts'
import { sharedStyle } from './shared-style.ts'

/** Checks a receipt from a file, here in the page, with nothing but the receipt. */
export class ReceiptCheckForm extends LitElement {
  static override properties = { node: { attribute: false }, check: { state: true } }
  static override styles = [
    sharedStyle,
    formStyle,
    css`
      .field {
        padding-top: 0.8rem;
        max-width: 44rem;
      }
    `,
  ]

  declare node: TabNode | undefined
  declare protected check: ReceiptCheck | undefined

  protected override render(): TemplateResult {
    return html`<details>
      <summary>Check a receipt</summary>
      <div class="field">
        <p class="muted small">
          A receipt proves which keys signed which answers. It is checked in this page; nothing is sent anywhere.
        </p>
        <input type="file" aria-label="Receipt file" accept=".json,application/json"
          ?disabled=${this.node === undefined} @change=${this.#picked} />
        ${
          this.check === undefined
            ? nothing
            : html`<p class=${`notice small ${this.check.isValid ? 'good' : 'bad'}`} role="status"
                aria-label="Verdict">${this.check.summary}</p>`
        }
      </div>
    </details>`
  }

  readonly #picked = async (event: Event): Promise<void> => {
    const file = (event.target as HTMLInputElement).files?.[0]
    this.check = undefined
    if (file === undefined || this.node === undefined) return
    this.check = await this.node.verifyReceipt(await file.text())
  }
}

customElements.define('receipt-check', ReceiptCheckForm)
