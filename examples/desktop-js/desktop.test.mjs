// The desktop against a recorded GWS; nothing of it is needed here.   node --test

import assert from "node:assert/strict";
import { test } from "node:test";

// in a project of your own: from "outbound-recorder-standin/node"
import { standinFor } from "../../packages/outbound-recorder-standin/src/node.js";
import { Desktop, work } from "./desktop.mjs";

const SESSION = new URL("../../cassettes/preview-session.cassette", import.meta.url);
const PHONES = ["999115-5295", "999384-2970"]; // pseudonyms: the recorder keeps no telephone number

test("a record is worked from start to end", async (t) => {
  const server = await standinFor(t, SESSION, { exitWhenDone: true });

  assert.deepEqual(await work(server.url), PHONES);
  const { code, stderr } = await server.ended();
  assert.deepEqual([code, stderr], [0, ""]);
});

test("a server that forgot the session is greeted anew", async (t) => {
  const faults = ["unknown-client after GetPreviewRecord"];
  const server = await standinFor(t, SESSION, { exitWhenDone: true, faults });

  assert.deepEqual(await work(server.url), PHONES);
  assert.equal((await server.ended()).code, 0);
});

test("a preview session that has begun", async (t) => {
  const server = await standinFor(t, SESSION);
  const desktop = new Desktop(server.url, { user: "agent1", password: "secret", campaign: "Campaign1" });

  await desktop.login();
  await desktop.start();
  await desktop.logout();

  assert.deepEqual((await server.report()).unplayed, [2, 3, 4, 5, 6]);
});

test("a request that was not recorded is refused, and explained", async (t) => {
  const server = await standinFor(t, SESSION, { misses: "ignore" }); // else it fails the test

  await assert.rejects(work(server.url, "Busy"), /CompleteRecord|callResult/);

  const { code, misses } = await server.close();
  assert.equal(code, 1);
  assert.match(misses[0].text, /callResult/);
});
