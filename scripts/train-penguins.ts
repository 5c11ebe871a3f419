import { readFile, writeFile } from 'node:fs/promises'
import { readPenguins, trainPenguins } from './penguins-model.ts'

/** Makes programs/onnx/penguins.onnx again, byte for byte, and says how good it is. */
const data = new URL('../node_modules/vega-datasets/data/penguins.json', import.meta.url)
const { onnx, accuracy, heldOut } = trainPenguins(readPenguins(await readFile(data, 'utf8')))
const file = new URL('../programs/onnx/penguins.onnx', import.meta.url)
await writeFile(file, onnx)
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
console.log(
  `programs/onnx/penguins.onnx: ${onnx.length} bytes, right for ${percent(accuracy.heldOut)} of ${heldOut.length} penguins held out (${percent(accuracy.trained)} of those trained on)`,
)
