/**
 * Makes a tidy record of one row of a table, as `--map csv` gives them: names in camel case, numbers as numbers, dates as ISO
 * dates, nothing where there was nothing. Input: { "Release Date": "Jun 12 1998", "US Gross": "146083" }.
 * Output: { "releaseDate": "1998-06-12", "usGross": 146083 }
 */
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

export default function cleanRecord(row) {
  if (row === null || typeof row !== 'object' || Array.isArray(row)) throw new TypeError('a row is an object')
  const cleaned = Object.entries(row).map(([name, value]) => [camelCase(name), cleanValue(value)])
  return Object.fromEntries(cleaned.filter(([, value]) => value !== undefined))
}

function camelCase(name) {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? ['column']
  return words
    .map((word) => word.toLowerCase())
    .map((word, i) => (i === 0 ? word : word[0].toUpperCase() + word.slice(1)))
    .join('')
}

function cleanValue(value) {
  if (value === null || value === '') return undefined
  if (typeof value !== 'string') return value
  const text = value.trim()
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) return Number(text)
  const date = /^([A-Z][a-z]{2}) (\d{1,2}) (\d{4})$/.exec(text)
  const month = months.indexOf(date?.[1])
  if (month < 0) return text
  return `${date[3]}-${String(month + 1).padStart(2, '0')}-${date[2].padStart(2, '0')}`
}
