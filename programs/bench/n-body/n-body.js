// Five bodies that draw one another, moved by so many steps of a thousandth.
const bodies = 5
const step = 0.001

export default function nBody(steps) {
  const x = Float64Array.of(0, 4.84, 8.34, 12.89, 15.38)
  const y = Float64Array.of(0, -1.16, 4.12, -15.11, -25.92)
  const z = Float64Array.of(0, -0.1, -0.4, -0.22, 0.18)
  const vx = Float64Array.of(0, 0.61, -1.01, 1.08, 0.98)
  const vy = Float64Array.of(0, 2.81, 1.82, 0.87, 0.59)
  const vz = Float64Array.of(0, -0.02, 0.01, -0.01, -0.03)
  const mass = Float64Array.of(39.48, 0.0377, 0.0113, 0.0017, 0.002)
  for (let n = 0; n < steps; n++) {
    for (let i = 0; i < bodies; i++) {
      for (let j = i + 1; j < bodies; j++) {
        const dx = x[i] - x[j]
        const dy = y[i] - y[j]
        const dz = z[i] - z[j]
        const square = dx * dx + dy * dy + dz * dz
        const pull = step / (square * Math.sqrt(square))
        const ofI = mass[i] * pull
        const ofJ = mass[j] * pull
        vx[i] = vx[i] - dx * ofJ
        vy[i] = vy[i] - dy * ofJ
        vz[i] = vz[i] - dz * ofJ
        vx[j] = vx[j] + dx * ofI
        vy[j] = vy[j] + dy * ofI
        vz[j] = vz[j] + dz * ofI
      }
    }
    for (let i = 0; i < bodies; i++) {
      x[i] = x[i] + step * vx[i]
      y[i] = y[i] + step * vy[i]
      z[i] = z[i] + step * vz[i]
    }
  }
  const words = new Uint32Array(2)
  const double = new Float64Array(words.buffer)
  let hash = 0x811c9dc5
  for (let i = 0; i < bodies; i++) {
    for (const value of [x[i], y[i], z[i]]) {
      double[0] = value
      hash = Math.imul(Math.imul(hash ^ words[0], 0x01000193) ^ words[1], 0x01000193)
    }
  }
  return { checksum: hash >>> 0 }
}
