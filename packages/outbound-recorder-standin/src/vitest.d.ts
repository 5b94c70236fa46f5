import type { TestAPI } from "vitest";

import type { Cassette, FixtureOptions, StandIn } from "./index.js";

/**
 * `test` of Vitest with the fixture `standin`: a stand-in of the test's own.
 *
 * @param cassette the recording that it plays
 * @param test a `test` of your own, to add the fixture to
 */
export function withCassette<Context extends object = object>(
  cassette: Cassette,
  options?: FixtureOptions,
  test?: TestAPI<Context>,
): TestAPI<Context & { standin: StandIn }>;
