import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Use a named export: it keeps one name for one thing.',
};

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'tmp/']),
  js.configs.recommended,
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      // What comes from a network is checked for control characters.
      'no-control-regex': 'off',
      'no-restricted-syntax': ['error', noDefaultExport],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // An interface may ask for a promise from an implementation that has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
    },
  },

  {
    files: ['machines/**/*.ts', 'src/**/*.{ts,tsx}'],
    rules: {
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['warn', { max: 40, skipBlankLines: true, skipComments: true }],
    },
  },

  {
    files: ['machines/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Randomness is an input of a machine.' },
        { object: 'Date', property: 'now', message: 'Time is an input of a machine.' },
      ],
      'no-restricted-syntax': [
        'error',
        noDefaultExport,
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: 'Time is an input of a machine.',
        },
      ],
    },
  },
  // Prettier expands a literal config, one name to a line, and a chart is one thing: split up, no tool could draw it. What fills these
  // lines is names; the code behind them is in files of at most 400. The tube's chart needs the most.
  { files: ['machines/*.machine.ts'], rules: { 'max-lines': ['error', { max: 640 }] } },

  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/config/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only src/config reads the environment.' },
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: ['node:process', 'process'].map((name) => ({
            name,
            importNames: ['env'],
            message: 'Only src/config reads the environment.',
          })),
        },
      ],
    },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/main.ts', 'src/cli/**', 'src/demo/**', 'src/console/**'],
    rules: { 'no-console': 'error' },
  },
  {
    // Compiled against the DOM, used in Node as well: only what both have.
    files: ['src/channels/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        'window',
        'document',
        'navigator',
        'location',
        'localStorage',
        'sessionStorage',
        'requestAnimationFrame',
        'RTCPeerConnection',
        'RTCDataChannel',
      ],
    },
  },

  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'grafana/**/*.ts'],
    rules: {
      // Matchers such as expect.any() and expect.objectContaining() are typed any.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },

  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: globals.node },
  },
);
