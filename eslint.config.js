'use strict';

const js = require('@eslint/js');
const stylistic = require('@stylistic/eslint-plugin');
const { defineConfig, globalIgnores } = require('eslint/config');
const globals = require('globals');
const tseslint = require('typescript-eslint');

module.exports = defineConfig([
  globalIgnores(['native/', '.build/', 'target/', 'fuzz/', 'out/', 'bench/data/', '**/node_modules/']),
  {
    files: ['**/*.{js,mjs}'],
    extends: [js.configs.recommended],
    plugins: { '@stylistic': stylistic, '@typescript-eslint': tseslint.plugin },
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: 'commonjs',
      globals: globals.node,
      parser: tseslint.parser,
      parserOptions: { project: './tsconfig.eslint.json', tsconfigRootDir: __dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      // A promise that nobody waits for hides its failure until the process falls over it.
      '@typescript-eslint/no-floating-promises': [
        'error',
        // Node's runner waits for what these return.
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['describe', 'it', 'test'] }] },
      ],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],

      'array-callback-return': 'error',
      'consistent-return': 'off', // tsc knows it better, by the declared type
      'default-case-last': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'off',
      'no-constructor-return': 'error',
      'no-else-return': 'error',
      'no-implicit-coercion': ['error', { allow: ['!!'] }],
      'no-lonely-if': 'error',
      'no-param-reassign': 'off',
      'no-redeclare': ['error', { builtinGlobals: false }],
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'error',
      'no-throw-literal': 'off', // only-throw-error is its better half
      'no-unneeded-ternary': 'error',
      'no-unreachable-loop': 'error',
      'no-unused-vars': ['error', { args: 'after-used', argsIgnorePattern: '^_', caughtErrors: 'all' }],
      'no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
      'no-useless-rename': 'error',
      'no-useless-return': 'error',
      'no-var': 'error',
      'object-shorthand': ['error', 'properties'],
      'prefer-const': ['error', { destructuring: 'all' }],
      'prefer-object-has-own': 'error',
      'prefer-promise-reject-errors': 'error',
      radix: 'error',
      strict: ['error', 'global'],
      yoda: 'error',

      '@stylistic/comma-dangle': ['error', 'always-multiline'],
      '@stylistic/eol-last': 'error',
      '@stylistic/indent': ['error', 2, { SwitchCase: 1, ignoredNodes: ['ConditionalExpression'] }],
      '@stylistic/max-len': [
        'error',
        { code: 130, ignoreUrls: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true },
      ],
      '@stylistic/no-trailing-spaces': 'error',
      '@stylistic/quotes': ['error', 'single', { avoidEscape: true }],
      '@stylistic/semi': 'error',
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { sourceType: 'module' },
    rules: { strict: 'off' },
  },
  {
    // What browsers run.
    files: ['page/*.js'],
    languageOptions: {
      sourceType: 'module',
      globals: globals.browser,
      parserOptions: { project: './page/tsconfig.json' },
    },
    rules: { strict: 'off' },
  },
]);
