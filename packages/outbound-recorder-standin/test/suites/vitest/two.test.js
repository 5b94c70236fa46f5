import { expect, test as base } from "vitest";
import { withCassette } from "outbound-recorder-standin/vitest";

const CASSETTE = new URL("../../../../../cassettes/preview-session.cassette", import.meta.url);
const own = base.extend({ seconds: 2 });
const test = withCassette(CASSETTE, { clock: "virtual", misses: "ignore" }, own);

test("steers it", async ({ standin, seconds }) => {
  expect((await standin.pause()).paused).toBe(true);
  expect((await standin.advance(seconds)).sessions).toEqual([]);
});

test("ignores misses", async ({ standin }) => {
  expect((await fetch(`${standin.url}/api/v2/you`)).status).toBe(470);
});

withCassette("no-such.cassette")("names no recording", async ({ standin }) => {
  expect(standin).toBeDefined();
});
