// What a test needs from the machine it runs on: a browser, promtool, network namespaces, a Redis, a TURN server.
// A missing component skips the tests that need it, or fails them when HOLDFAST_TEST_REQUIRE names it (or says "all").
// Tests say `describeWith('chromium', 'browser peer', () => { ... })`.
import { execFileSync } from 'node:child_process';
import { describe, test } from '@jest/globals';
import { chromiumNames, findProgram } from './programs.js';

export type Component = 'chromium' | 'promtool' | 'prometheus' | 'redis' | 'coturn' | 'nftables' | 'netns';

const executables: Record<Exclude<Component, 'netns'>, readonly string[]> = {
  chromium: chromiumNames,
  promtool: ['promtool'],
  prometheus: ['prometheus'],
  redis: ['redis-server'],
  coturn: ['turnserver'],
  nftables: ['nft'],
};

/** Having `ip` is not enough: creating a namespace needs privileges that a container may lack. */
function canCreateNamespaces(): boolean {
  const name = `holdfast-probe-${process.pid}`;
  const ip = findProgram(['ip']);
  if (ip === undefined) return false;
  try {
    execFileSync(ip, ['netns', 'add', name], { stdio: 'ignore' });
    execFileSync(ip, ['netns', 'delete', name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const found = new Map<Component, boolean>();

function isAvailable(name: Component): boolean {
  let available = found.get(name);
  if (available === undefined) {
    available = name === 'netns' ? canCreateNamespaces() : findProgram(executables[name]) !== undefined;
    found.set(name, available);
  }
  return available;
}

/** HOLDFAST_TEST_REQUIRE: "all", or a list of components separated by commas. */
function isRequired(name: Component): boolean {
  const required = (process.env['HOLDFAST_TEST_REQUIRE'] ?? '').split(',').map((part) => part.trim());
  return required.includes('all') || required.includes(name);
}

/**
 * Whether the component is here. Throws when it is missing although HOLDFAST_TEST_REQUIRE asks for it.
 * @public
 */
export function component(name: Component): boolean {
  if (isAvailable(name)) return true;
  if (isRequired(name)) throw new Error(`${name} is not available, and HOLDFAST_TEST_REQUIRE asks for it`);
  return false;
}

/**
 * Path of the component's program. Throws when it is missing, so call it in a test or a hook: the body of a skipped
 * `describe` runs too.
 */
export function pathOf(name: Exclude<Component, 'netns'>): string {
  const path = findProgram(executables[name]);
  if (path === undefined) throw new Error(`${name} is not available`);
  return path;
}

/** `describe` that needs components: skipped, with the missing names in the title, or failed when they are required. */
export function describeWith(needs: Component | readonly Component[], name: string, body: () => void): void {
  const missing = [needs].flat().filter((need) => !isAvailable(need));
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const title = `${name} (needs ${missing.join(', ')})`;
  if (!missing.some(isRequired)) {
    describe.skip(title, body);
    return;
  }
  describe(title, () => {
    test('has the components that HOLDFAST_TEST_REQUIRE asks for', () => {
      missing.forEach(component);
    });
  });
}
