import { readFileSync } from 'node:fs'
import Papa from 'papaparse'

const file = new URL('../../node_modules/vega-datasets/data/seattle-weather.csv', import.meta.url)

/** The first rows of Seattle's daily weather, with their header line. */
export function weatherCsv(rows: number): string {
  const text = readFileSync(file, 'utf8')
  return `${text.split('\n', rows + 1).join('\n')}\n`
}

/** Some 30 ms of work for each row in QuickJS, so that a job can be met half done. */
const rounds = 20_000

/** What a tab runs on each row: temperatures in kelvin, the span of the day, and a checksum that takes a while. */
export const weatherProgram = `export default function (row) {
  let sum = 0
  for (let round = 0; round < ${rounds}; round++) sum = (sum * 31 + row.date.charCodeAt(round % row.date.length)) % 1000003
  const max = Number(row.temp_max)
  const min = Number(row.temp_min)
  return { date: row.date, kelvin: [min + 273.15, max + 273.15], span: max - min, wet: Number(row.precipitation) > 0, kind: row.weather, sum }
}
`

/** The same answers by another parser and another engine. */
export function weatherAnswers(csv: string): unknown[] {
  const { data } = Papa.parse<Record<string, string>>(csv, { header: true, skipEmptyLines: true })
  return data.map((row) => {
    const [date, min, max] = [row['date']!, Number(row['temp_min']), Number(row['temp_max'])]
    const codes = [...date].map((letter) => letter.charCodeAt(0))
    let sum = 0
    for (let round = 0; round < rounds; round++) sum = (sum * 31 + codes[round % codes.length]!) % 1_000_003
    return {
      date,
      kelvin: [min + 273.15, max + 273.15],
      span: max - min,
      wet: Number(row['precipitation']) > 0,
      kind: row['weather'],
      sum,
    }
  })
}
