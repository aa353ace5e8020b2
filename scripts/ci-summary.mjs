// Prints "N passed, N failed" from jest's --json result. A suite that could not even start counts as one failed test.
// Exits with 1 when anything failed, nothing passed, or there is no result.
import { readFileSync } from 'node:fs';

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: ci-summary.mjs <jest result file>');
  process.exit(64);
}

let passed = 0;
let failed = 1;
try {
  const result = JSON.parse(readFileSync(file, 'utf8'));
  passed = result.numPassedTests;
  failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
} catch (error) {
  console.error(`ci-summary: no test result: ${error.message}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
