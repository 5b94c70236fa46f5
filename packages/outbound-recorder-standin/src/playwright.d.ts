import type {
  PlaywrightTestArgs,
  PlaywrightTestOptions,
  PlaywrightWorkerArgs,
  PlaywrightWorkerOptions,
  TestType,
} from "@playwright/test";

import type { Cassette, FixtureOptions, StandIn } from "./index.js";

export interface Fixtures {
  /** The recording that `standin` plays; an option, for `test.use` and for projects. */
  cassette: Cassette;
  standinOptions: FixtureOptions;
  /** A stand-in of the test's own. */
  standin: StandIn;
}

/** `test` of Playwright with the fixtures; `mergeTests` of Playwright joins it to a `test` of your own. */
export const test: TestType<
  PlaywrightTestArgs & PlaywrightTestOptions & Fixtures,
  PlaywrightWorkerArgs & PlaywrightWorkerOptions
>;
export { expect } from "@playwright/test";
