/** What a role answers, by the name of the question. `stop` ends it. */
export type Answers = Readonly<Record<string, (given: never) => unknown>>
