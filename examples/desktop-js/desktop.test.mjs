// The desktop against a recorded GWS; nothing of it is needed here.   node --test

import assert from "node:assert/strict";
import { test } from "node:test";

import { Desktop, work } from "./desktop.mjs";
import { standin } from "./standin.mjs";

const PHONES = ["999115-5295", "999384-2970"]; // pseudonyms: the recorder keeps no telephone number

test("a record is worked from start to end", async (t) => {
  const server = await standin(t, "preview-session", "--exit-when-done");

  assert.deepEqual(await work(server.url), PHONES);
  assert.deepEqual(await server.ended(), { code: 0, text: "" });
});

test("a server that forgot the session is greeted anew", async (t) => {
  const server = await standin(t, "preview-session", "--exit-when-done", "--fault", "unknown-client after GetPreviewRecord");

  assert.deepEqual(await work(server.url), PHONES);
  assert.equal((await server.ended()).code, 0);
});

test("a preview session that has begun", async (t) => {
  const server = await standin(t, "preview-session");
  const desktop = new Desktop(server.url, { user: "agent1", password: "secret", campaign: "Campaign1" });

  await desktop.login();
  await desktop.start();
  await desktop.logout();

  assert.equal((await server.stop()).code, 0);
});

test("a request that was not recorded is refused, and explained", async (t) => {
  const server = await standin(t, "preview-session");

  await assert.rejects(work(server.url, "Busy"), /CompleteRecord|callResult/);

  const { code, text } = await server.stop();
  assert.equal(code, 1);
  assert.match(text, /callResult/);
});
