/** Waits for a condition of the real world; for tests of sockets, native connections and child processes. */
export async function until(condition: () => boolean, withinMs = 5000, what = ''): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what || condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
