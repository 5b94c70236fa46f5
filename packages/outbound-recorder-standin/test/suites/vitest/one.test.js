import { expect } from "vitest";
import { withCassette } from "outbound-recorder-standin/vitest";

const test = withCassette(new URL("../../../../../cassettes/preview-session.cassette", import.meta.url));
const urls = new Set();

test("asks what was recorded", async ({ standin }) => {
  urls.add(standin.url);
  expect((await fetch(`${standin.url}/api/v2/me`)).status).toBe(200);
});

test("another stand-in", async ({ standin }) => {
  expect(urls.has(standin.url)).toBe(false);
});

test("asks something else", async ({ standin }) => {
  await fetch(`${standin.url}/api/v2/you`);
});
