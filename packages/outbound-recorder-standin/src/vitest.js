// Fixtures for Vitest. Each test that names `standin` gets one of its own, and fails if a request matched nothing.

import { test as base } from "vitest";

import { standin } from "./index.js";
import { judge } from "./misses.js";

/** `test` with the fixture `standin`, which plays a recording. */
export function withCassette(cassette, given = {}, test = base) {
  return test.extend({
    standin: async ({ task: _ }, use) => {
      const started = await standin(cassette, given);
      try {
        await use(started);
      } finally {
        judge(await started.close(), given);
      }
    },
  });
}
