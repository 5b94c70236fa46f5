// Stand-ins for tests of node:test.

import { standin } from "./index.js";
import { judge } from "./misses.js";

/**
 * Start a stand-in that ends with a test; the test fails if a request matched nothing.
 *
 * @param t the context of the test
 */
export async function standinFor(t, cassette, given = {}) {
  const started = await standin(cassette, given);
  t.after(async () => judge(await started.close(), given));
  return started;
}
