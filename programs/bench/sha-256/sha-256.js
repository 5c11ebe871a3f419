// SHA-256 (FIPS 180-4) of so many blocks of 64 bytes; the checksum is the digest's first word.
const constants = Uint32Array.of(
  0x428a2f98,
  0x71374491,
  0xb5c0fbcf,
  0xe9b5dba5,
  0x3956c25b,
  0x59f111f1,
  0x923f82a4,
  0xab1c5ed5,
  0xd807aa98,
  0x12835b01,
  0x243185be,
  0x550c7dc3,
  0x72be5d74,
  0x80deb1fe,
  0x9bdc06a7,
  0xc19bf174,
  0xe49b69c1,
  0xefbe4786,
  0x0fc19dc6,
  0x240ca1cc,
  0x2de92c6f,
  0x4a7484aa,
  0x5cb0a9dc,
  0x76f988da,
  0x983e5152,
  0xa831c66d,
  0xb00327c8,
  0xbf597fc7,
  0xc6e00bf3,
  0xd5a79147,
  0x06ca6351,
  0x14292967,
  0x27b70a85,
  0x2e1b2138,
  0x4d2c6dfc,
  0x53380d13,
  0x650a7354,
  0x766a0abb,
  0x81c2c92e,
  0x92722c85,
  0xa2bfe8a1,
  0xa81a664b,
  0xc24b8b70,
  0xc76c51a3,
  0xd192e819,
  0xd6990624,
  0xf40e3585,
  0x106aa070,
  0x19a4c116,
  0x1e376c08,
  0x2748774c,
  0x34b0bcb5,
  0x391c0cb3,
  0x4ed8aa4a,
  0x5b9cca4f,
  0x682e6ff3,
  0x748f82ee,
  0x78a5636f,
  0x84c87814,
  0x8cc70208,
  0x90befffa,
  0xa4506ceb,
  0xbef9a3f7,
  0xc67178f2,
)

export default function sha256(blocks) {
  const state = Uint32Array.of(
    0x6a09e667,
    0xbb67ae85,
    0x3c6ef372,
    0xa54ff53a,
    0x510e527f,
    0x9b05688c,
    0x1f83d9ab,
    0x5be0cd19,
  )
  const words = new Uint32Array(64)
  let random = 1
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < 16; i++) {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0
      words[i] = random
    }
    compress(state, words)
  }
  // The padding: one bit, zeros, and the length in bits.
  words.fill(0, 0, 16)
  words[0] = 0x80000000
  words[14] = Math.floor((blocks * 512) / 4294967296)
  words[15] = blocks * 512
  compress(state, words)
  return { checksum: state[0] }
}

const rotr = (value, bits) => (value >>> bits) | (value << (32 - bits))

function compress(state, words) {
  for (let i = 16; i < 64; i++) {
    const early = words[i - 15]
    const late = words[i - 2]
    const first = rotr(early, 7) ^ rotr(early, 18) ^ (early >>> 3)
    const second = rotr(late, 17) ^ rotr(late, 19) ^ (late >>> 10)
    words[i] = words[i - 16] + first + words[i - 7] + second
  }
  let [a, b, c, d, e, f, g, h] = state
  for (let i = 0; i < 64; i++) {
    const chosen = (e & f) ^ (~e & g)
    const sum = (h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + chosen + constants[i] + words[i]) | 0
    const most = (a & b) ^ (a & c) ^ (b & c)
    const other = ((rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + most) | 0
    h = g
    g = f
    f = e
    e = (d + sum) | 0
    d = c
    c = b
    b = a
    a = (sum + other) | 0
  }
  state[0] += a
  state[1] += b
  state[2] += c
  state[3] += d
  state[4] += e
  state[5] += f
  state[6] += g
  state[7] += h
}
