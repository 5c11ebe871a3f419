import { html, type TemplateResult } from 'lit'

/** One of several choices of a group in a form. */
export const radio = (name: string, words: string, isChosen: boolean, choose: () => void): TemplateResult =>
  html`<label class="choice">
    <input type="radio" name=${name} .checked=${isChosen} @change=${choose} />
    ${words}
  </label>`
