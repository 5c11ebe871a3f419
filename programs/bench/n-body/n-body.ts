// Five bodies that draw one another, moved by so many steps of a thousandth.
import { hashStart, mixDouble, readSize, writeChecksum } from '../../lib/kernel'

const bodies = 5
const step = 0.001
const x: StaticArray<f64> = [0.0, 4.84, 8.34, 12.89, 15.38]
const y: StaticArray<f64> = [0.0, -1.16, 4.12, -15.11, -25.92]
const z: StaticArray<f64> = [0.0, -0.1, -0.4, -0.22, 0.18]
const vx: StaticArray<f64> = [0.0, 0.61, -1.01, 1.08, 0.98]
const vy: StaticArray<f64> = [0.0, 2.81, 1.82, 0.87, 0.59]
const vz: StaticArray<f64> = [0.0, -0.02, 0.01, -0.01, -0.03]
const mass: StaticArray<f64> = [39.48, 0.0377, 0.0113, 0.0017, 0.002]
const steps = readSize()
for (let i = 0; i < steps; i++) advance()
let hash = hashStart
for (let i = 0; i < bodies; i++) hash = mixDouble(mixDouble(mixDouble(hash, x[i]), y[i]), z[i])
writeChecksum(hash)

function advance(): void {
  for (let i = 0; i < bodies; i++) {
    for (let j = i + 1; j < bodies; j++) {
      const dx = unchecked(x[i]) - unchecked(x[j])
      const dy = unchecked(y[i]) - unchecked(y[j])
      const dz = unchecked(z[i]) - unchecked(z[j])
      const square = dx * dx + dy * dy + dz * dz
      const pull = step / (square * Math.sqrt(square))
      const ofI = unchecked(mass[i]) * pull
      const ofJ = unchecked(mass[j]) * pull
      unchecked((vx[i] = vx[i] - dx * ofJ))
      unchecked((vy[i] = vy[i] - dy * ofJ))
      unchecked((vz[i] = vz[i] - dz * ofJ))
      unchecked((vx[j] = vx[j] + dx * ofI))
      unchecked((vy[j] = vy[j] + dy * ofI))
      unchecked((vz[j] = vz[j] + dz * ofI))
    }
  }
  for (let i = 0; i < bodies; i++) {
    unchecked((x[i] = x[i] + step * vx[i]))
    unchecked((y[i] = y[i] + step * vy[i]))
    unchecked((z[i] = z[i] + step * vz[i]))
  }
}
