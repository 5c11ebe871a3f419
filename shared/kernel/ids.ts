/** libp2p peer id of an Ed25519 public key, in its base58 text form (`12D3KooW…`). */
export type PeerId = string & { readonly brand: 'PeerId' }
/** SHA-256 as 64 lowercase hex digits. */
export type Hash = string & { readonly brand: 'Hash' }
/** UUID, lowercase, chosen by the submitter. */
export type TaskId = string & { readonly brand: 'TaskId' }
/** UUID, lowercase, chosen by the submitter. */
export type JobId = string & { readonly brand: 'JobId' }
/** Milliseconds since the Unix epoch, as the host's clock says them; never goes back within a process. */
export type Instant = number & { readonly brand: 'Instant' }

export const after = (start: Instant, ms: number): Instant => (start + ms) as Instant

/** Synchronous SHA-256, handed to machines by their host. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array
