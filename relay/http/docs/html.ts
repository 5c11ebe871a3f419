const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (each) => entities[each]!)

/** Cells are HTML. A table without any heading is one of pairs. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const headRow = head.every((cell) => cell === '')
    ? ''
    : `<thead><tr>${head.map((cell) => `<th scope="col">${cell}</th>`).join('')}</tr></thead>`
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
  return `<div class="wide" tabindex="0"><table>${headRow}<tbody>\n${body.join('\n')}\n</tbody></table></div>`
}
