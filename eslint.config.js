// Finds mistakes in the page's scripts and in their tests: npm run lint.
import js from "@eslint/js";
import globals from "globals";

const strict = {
  "array-callback-return": "error",
  "default-case-last": "error",
  eqeqeq: "error",
  "no-constructor-return": "error",
  "no-eval": "error",
  "no-implicit-globals": "error",
  "no-implied-eval": "error",
  "no-self-compare": "error",
  "no-shadow-restricted-names": "error",
  "no-template-curly-in-string": "error",
  "no-throw-literal": "error",
  "no-unmodified-loop-condition": "error",
  "no-unreachable-loop": "error",
  "no-unused-expressions": "error",
  "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
  "no-use-before-define": ["error", { functions: false, variables: false }],
  "no-useless-rename": "error",
  "no-useless-return": "error",
  "no-var": "error",
  "object-shorthand": "error",
  "prefer-const": ["error", { destructuring: "all" }],
  "prefer-promise-reject-errors": "error",
  "require-await": "error",
};

export default [
  {
    ignores: ["**/.*/", "**/venv/", "eval/", "runs/"],
  },
  {
    ...js.configs.recommended,
    rules: { ...js.configs.recommended.rules, ...strict },
    linterOptions: { reportUnusedDisableDirectives: "error" },
  },
  {
    files: ["pds/web/**/*.js"],
    languageOptions: { globals: globals.browser },
  },
  {
    files: ["tests/scripts/**/*.js"],
    languageOptions: { globals: globals.node },
  },
  {
    // Functions that a browser test evaluates in the page.
    files: ["tests/support/**/*.js"],
    languageOptions: { globals: globals.browser },
    rules: { "no-unused-expressions": "off" },
  },
];
