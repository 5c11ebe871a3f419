import { expect, test } from 'vitest'
import { leafHash, rootOf } from '../../shared/verification/vote-tree.ts'
import { VoteVerifier } from '../../shared/verification/vote-verifier.ts'
import { sha256 } from '../sim/model-programs.ts'
import { answerTo, assignmentOf, makeTask } from '../support/task-fixtures.ts'

test('TSK-11 every answer of a message gets a proof under the one root that was signed', () => {
  const signature = new Uint8Array(64).fill(7)
  for (const count of [1, 2, 3, 8, 17]) {
    const answers = Array.from({ length: count }, (_, n) =>
      answerTo(assignmentOf(makeTask(n), 1), `out ${n}`),
    )
    const proofs = new VoteVerifier(sha256).proofs(answers, signature)
    expect(new Set(proofs.map((proof) => proof.root)).size).toBe(1)
    for (const [n, { index, size, path, root, signature: given }] of proofs.entries()) {
      expect(given).toEqual(signature)
      expect(rootOf(leafHash(answers[n]!, sha256), index, size, path, sha256)).toBe(root)
    }
  }
})
