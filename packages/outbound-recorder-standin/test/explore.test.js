// A test in all orders that a server is allowed.   npm test, with `recorder` on PATH or in RECORDER

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { RaceError, explore } from "../src/explore.js";
import { standin } from "../src/index.js";

// a schedule that fails is written beside the cassette
const CASSETTE = join(mkdtempSync(join(tmpdir(), "explore-")), "chain.cassette");
copyFileSync(new URL("../../../tests/cassettes/races/chain.cassette", import.meta.url), CASSETTE);
const CAMPAIGN = "/api/v2/me/outbound-campaigns/Campaign1";
const ORDER = "event 1.1 before ack 1";

/** A desk that takes the next record, and hears of it: before the ack, or after it. */
async function preview(url) {
  const send = async (path, body) => (await fetch(url + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();
  const bayeux = (message) => send("/api/v2/notifications", [{ id: "1", ...message }]);
  const [{ clientId }] = await bayeux({ channel: "/meta/handshake", version: "1.0", supportedConnectionTypes: ["long-polling"] });
  await bayeux({ channel: "/meta/subscribe", clientId, subscription: "/v2/me/outbound" });
  const heard = [];
  const own = { operationName: "GetPreviewRecord", campaignName: "Campaign1", referenceId: "1", applicationId: 134 };
  const body = { ...own, devicePath: "/devices/c259da54-7c22-4a43-9440-77a92facc86b" };
  const acked = send(CAMPAIGN, body).then(() => heard.push("ack"));
  while (!heard.includes("event")) {
    const answered = await bayeux({ channel: "/meta/connect", clientId, connectionType: "long-polling" });
    if (answered.some(({ data }) => data !== undefined)) heard.push("event");
  }
  await acked;
  await bayeux({ channel: "/meta/disconnect", clientId });
  return heard;
}

test("a client that bears every order is told how much was seen", async () => {
  let runs = 0;

  const found = await explore(CASSETTE, { schedules: 12, delay: 0.1 }, async ({ url }) => {
    runs += 1;
    assert.equal((await preview(url)).length, 2);
  });

  assert.deepEqual([found.verdict, found.runs, found.deviations], ["passed", runs, []]);
  assert.ok(runs > 2);
});

test("a client that counts on an order fails, in words and with its own error", async () => {
  const failing = explore(CASSETTE, { delay: 0.1 }, async ({ url }) => assert.deepEqual(await preview(url), ["ack", "event"]));

  const error = await failing.then(() => null, (caught) => caught);
  assert.ok(error instanceof RaceError);
  assert.match(error.message, /PreviewRecord \(event 1\.1\) arrives before the ack of GetPreviewRecord/);
  assert.equal(error.cause.name, "AssertionError");
  assert.deepEqual([error.exploration.verdict, error.exploration.deviations], ["failed", [ORDER]]);
});

test("a request that matches nothing fails a run", async () => {
  const failing = explore(CASSETTE, { schedules: 3 }, async ({ url }) => void (await fetch(`${url}/api/v2/you`)));

  await assert.rejects(failing, (error) => {
    assert.equal(error.exploration.verdict, "recorded order fails");
    assert.match(error.message, /live "\/api\/v2\/you"/);
    return true;
  });
});

test("a schedule is played again", async (t) => {
  const server = await standin(CASSETTE, { schedule: ORDER, clock: "virtual", rate: 1 });
  t.after(() => server.close());

  assert.deepEqual(await preview(server.url), ["event", "ack"]);
  const { deviations, unmet, order } = await server.schedule();
  assert.deepEqual([deviations, unmet], [[ORDER], []]);
  assert.deepEqual(order.map(({ name }) => name), ["request 1", "event 1.1", "ack 1"]);
  assert.deepEqual((await server.beginAnew()).deviations, []);
  assert.deepEqual(await preview(server.url), ["ack", "event"]);
});
