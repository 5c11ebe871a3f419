import { invariant } from '../../shared/kernel/invariant.ts'
import type { HttpApp } from './http-app.ts'
import type { Operation } from './operation.ts'

export interface DescribedRoute {
  readonly method: string
  /** As fastify has it: `/api/v1/tasks/:id`. */
  readonly url: string
  readonly operation: Operation
}

/** The routes that a server has, as it was given them: what it serves and what it says of itself cannot differ. */
export class RouteTable {
  readonly #routes: DescribedRoute[] = []
  readonly #matchers: { readonly method: string; readonly pattern: RegExp }[] = []

  /** Before the first route. */
  constructor(app: HttpApp) {
    app.addHook('onRoute', ({ method, url, config }) => {
      for (const each of [method].flat()) this.#add(each, url, config?.operation)
    })
  }

  get routes(): readonly DescribedRoute[] {
    return this.#routes
  }

  methodsAt(path: string): readonly string[] {
    const methods = this.#matchers.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
    return [...new Set(methods)].sort()
  }

  #add(method: string, url: string, operation: Operation | undefined): void {
    if (!url.includes('*')) {
      const pattern = url.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll(/:[^/]+/g, '[^/]+')
      this.#matchers.push({ method, pattern: new RegExp(`^${pattern}$`) })
    }
    if (operation !== undefined) this.#routes.push({ method, url, operation })
    else invariant(!url.startsWith('/api/'), `the route ${method} ${url} is not described`)
  }
}
