import assert from "node:assert/strict";
import { test } from "node:test";
import { standinFor } from "outbound-recorder-standin/node";

const CASSETTE = new URL("../../../../../cassettes/preview-session.cassette", import.meta.url);

test("asks what was recorded", async (t) => {
  const standin = await standinFor(t, CASSETTE);
  assert.equal((await fetch(`${standin.url}/api/v2/me`)).status, 200);
});

test("asks something else", async (t) => {
  const standin = await standinFor(t, CASSETTE);
  await fetch(`${standin.url}/api/v2/you`);
});

test("ends by itself", async (t) => {
  const standin = await standinFor(t, CASSETTE, { exitWhenDone: true, idle: 0.2 });
  await fetch(`${standin.url}/api/v2/you`);
  await standin.ended();
});
