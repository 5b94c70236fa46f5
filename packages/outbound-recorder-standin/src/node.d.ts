import type { TestContext } from "node:test";

import type { Cassette, FixtureOptions, StandIn } from "./index.js";

/** Start a stand-in that ends with a test of node:test; the test fails if a request matched nothing. */
export function standinFor(t: TestContext, cassette: Cassette, options?: FixtureOptions): Promise<StandIn>;
