// The import rule of the architecture, as data:
//   kernel <- domains <- peer <- host, runtime, client <- web, relay
// scripts/check-imports.ts runs it and refuses to pass having looked at nothing;
// test/tooling plants one violation per rule.

const OURS = '^(shared|relay|web|test|e2e|scripts|programs)/'
const NOT_A_DOMAIN = 'kernel|peer|host|runtime|client'
const DOMAIN = `^shared/(?!(?:${NOT_A_DOMAIN})/)([^/]+)/`
const CORE = '^shared/(?!(?:host|runtime|client)/)'
const EDGE = '^shared/(host|runtime|client)/'
const PRODUCT = '^(shared|relay|web)/'
/** @type {import('dependency-cruiser').DependencyType[]} */
const NPM = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg', 'npm-unknown']

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle, even of types, is two files that should be one or a third that is missing.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: ['^virtual:', '\\?(raw|url|worker|inline)'] },
    },
    {
      name: 'kernel-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^shared/kernel/' },
      to: { path: OURS, pathNot: '^shared/kernel/' },
    },
    {
      name: 'domain-imports-only-types-of-other-domains',
      comment:
        'Questions between domains go by views received in the constructor; only peer builds machines.',
      severity: 'error',
      from: { path: DOMAIN },
      to: { path: DOMAIN, pathNot: '^shared/$1/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'domain-imports-nothing-above-it',
      severity: 'error',
      from: { path: DOMAIN },
      to: { path: OURS, pathNot: ['^shared/kernel/', DOMAIN] },
    },
    {
      name: 'peer-imports-nothing-above-it',
      severity: 'error',
      from: { path: '^shared/peer/' },
      to: { path: OURS, pathNot: CORE },
    },
    {
      name: 'host-runtime-client-import-nothing-above-them',
      severity: 'error',
      from: { path: EDGE },
      to: { path: OURS, pathNot: '^shared/' },
    },
    {
      name: 'host-runtime-client-share-only-types',
      comment: 'They meet as ports: one declares the interface, the program that starts both hands it over.',
      severity: 'error',
      from: { path: EDGE },
      to: { path: EDGE, pathNot: '^shared/$1/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'web-and-relay-never-meet',
      severity: 'error',
      from: { path: '^(web|relay)/' },
      to: { path: '^(web|relay)/', pathNot: '^$1/' },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { pathNot: '^(test|e2e)/' },
      to: { path: '^(test|e2e)/' },
    },
    {
      name: 'product-imports-no-scripts',
      severity: 'error',
      from: { path: PRODUCT },
      to: { path: '^scripts/' },
    },
    {
      name: 'programs-are-assets',
      comment: 'Guests run in a sandbox; a host reads them as text or bytes and never imports them.',
      severity: 'error',
      from: { pathNot: '^programs/' },
      to: { path: '^programs/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'core-uses-no-npm-package',
      comment: '@noble/hashes is pure and synchronous, and only the kernel wraps it.',
      severity: 'error',
      from: { path: CORE, pathNot: '^shared/kernel/' },
      to: { dependencyTypes: NPM },
    },
    {
      name: 'kernel-uses-only-pure-packages',
      severity: 'error',
      from: { path: '^shared/kernel/' },
      to: { dependencyTypes: NPM, pathNot: '(^|/)node_modules/@noble/hashes/' },
    },
    {
      name: 'platform-neutral-uses-no-node-builtin',
      severity: 'error',
      from: { path: '^(shared|web)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'product-uses-no-dev-dependency',
      severity: 'error',
      from: { path: PRODUCT },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    tsPreCompilationDeps: 'specify',
    combinedDependencies: false,
    doNotFollow: { path: '(^|/)node_modules/' },
    moduleSystems: ['es6', 'cjs'],
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.d.ts'],
    },
  },
}
