export const uuid = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'

/** Every route of the API, and whether it asks for a signature. */
export const routes = [
  ['POST', '/api/v1/tasks', true],
  ['GET', `/api/v1/tasks/${uuid}`, true],
  ['DELETE', `/api/v1/tasks/${uuid}`, true],
  ['GET', `/api/v1/tasks/${uuid}/receipt`, true],
  ['POST', `/api/v1/tasks/${uuid}/resubmit`, true],
  ['POST', '/api/v1/jobs', true],
  ['GET', '/api/v1/jobs', true],
  ['GET', `/api/v1/jobs/${uuid}`, true],
  ['GET', `/api/v1/jobs/${uuid}/events`, true],
  ['GET', `/api/v1/tasks/${uuid}/events`, true],
  ['DELETE', `/api/v1/jobs/${uuid}`, true],
  ['GET', `/api/v1/jobs/${uuid}/results`, true],
  ['GET', `/api/v1/jobs/${uuid}/receipt`, true],
  ['PUT', `/api/v1/blobs/${'ab'.repeat(32)}`, true],
  ['GET', `/api/v1/blobs/${'ab'.repeat(32)}`, true],
  ['GET', '/api/v1/network', false],
  ['GET', '/api/v1/status', false],
  ['GET', '/api/v1/openapi.json', false],
  ['GET', '/docs', false],
  ['GET', '/docs/style.css', false],
  ['GET', '/healthz', false],
  ['GET', '/readyz', false],
  ['GET', '/metrics', false],
] as const
