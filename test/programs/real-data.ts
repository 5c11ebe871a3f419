import { readFileSync } from 'node:fs'
import Papa from 'papaparse'
import { expect } from 'vitest'

export type Row = Readonly<Record<string, unknown>>

const dataFile = (name: string) =>
  readFileSync(new URL(`../../node_modules/vega-datasets/data/${name}`, import.meta.url), 'utf8')
export const penguins = JSON.parse(dataFile('penguins.json')) as Row[]
export const cars = JSON.parse(dataFile('cars.json')) as Row[]
export const movies = JSON.parse(dataFile('movies.json')) as Row[]
export const weatherCsv = dataFile('seattle-weather.csv')
export const weather = Papa.parse<Row>(weatherCsv, { header: true, skipEmptyLines: true }).data

export const numbers = (rows: readonly Row[], name: string) =>
  rows
    .map((row) => row[name])
    .filter((value) => value !== null && value !== '' && value !== undefined)
    .map(Number)
export const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)
export const meanOf = (values: readonly number[]) => total(values) / values.length
export const spread = (values: readonly number[]) =>
  total(values.map((value) => (value - meanOf(values)) ** 2))
export const quantileOf = (values: readonly number[], share: number) => {
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const low = sorted[Math.floor(place)]!
  return low + (place % 1) * ((sorted[Math.floor(place) + 1] ?? low) - low)
}
export const near = (value: number) => expect.closeTo(value, 9 - Math.ceil(Math.log10(Math.abs(value) + 1)))
