// The stand-in itself, without a fixture.   npm test, with `recorder` on PATH or in RECORDER

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { StandInError, standin } from "../src/index.js";
import { command } from "../src/finding.js";

const CASSETTE = new URL("../../../cassettes/preview-session.cassette", import.meta.url);
const TRIPLES = [1, 2, 3, 4, 5, 6];

async function started(t, options = {}) {
  const made = await standin(CASSETTE, options);
  t.after(() => made.close());
  return made;
}

test("it serves, and tells how the replay went", async (t) => {
  const server = await started(t);

  const answer = await fetch(`${server.url}/api/v2/me`);

  assert.equal(answer.status, 200);
  assert.match(server.url, /^http:\/\/localhost:\d+$/);
  assert.deepEqual((await server.report()).unplayed, TRIPLES);
  assert.deepEqual(await server.misses(), []);
  await server.expectNoMisses();
  const ended = await server.close();
  assert.deepEqual([ended.code, ended.misses, ended.report.unplayed], [0, [], TRIPLES]);
  assert.match(ended.stderr, /not asked for: triple 1, 2, 3, 4, 5, 6/);
  assert.equal(await server.close(), ended);
});

test("a cassette may have a name like an option, and blanks and quotes in it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "standin-"));
  for (const name of ["-x.cassette", `a 'q" $(x) é.cassette`]) {
    copyFileSync(fileURLToPath(CASSETTE), join(folder, name));
    const server = await standin(name, { cwd: folder });
    t.after(() => server.close());

    assert.deepEqual((await server.report()).unplayed, TRIPLES);
  }
});

test("a miss is explained", async (t) => {
  const server = await started(t);

  const answer = await fetch(`${server.url}/api/v2/you`);

  assert.equal(answer.status, 470);
  const [miss] = await server.misses();
  assert.equal(miss.request, "GET /api/v2/you");
  assert.match(miss.summary, /path differs: recorded "\/api\/v2\/me", live "\/api\/v2\/you"/);
  await assert.rejects(server.expectNoMisses(), (error) => error instanceof StandInError && /1 request matched nothing/.test(error.message));
  const ended = await server.close();
  assert.deepEqual([ended.code, ended.misses], [1, [miss]]);
});

test("the control API steers it", async (t) => {
  const server = await started(t, { clock: "virtual", faults: ["drop event PreviewRecord"] });

  assert.deepEqual(await server.faults(), [{ fault: "drop event PreviewRecord", hit: 0 }]);
  assert.equal((await server.addFault("drop event ChainedRecord")).length, 2);
  await server.clearFaults();
  assert.deepEqual(await server.faults(), []);
  assert.equal((await server.pause()).paused, true);
  assert.equal(await server.step(), null);
  assert.equal((await server.resume()).paused, false);
  assert.deepEqual((await server.advance(3)).sessions, []);
  assert.deepEqual(await server.state(), { paused: false, sessions: [] });
  assert.deepEqual(await server.inject({ channel: "/v2/me/outbound", data: {} }), []);
});

test("what the control API refuses is an error with its text", async (t) => {
  const server = await started(t);

  await assert.rejects(server.advance(1), { name: "StandInError", message: /clock/ });
  await assert.rejects(server.addFault("break something"), { name: "StandInError" });
});

test("it says why it does not start", async () => {
  const missing = standin("no-such.cassette");

  await assert.rejects(missing, { name: "StandInError", message: /did not start: recorder: .*no-such\.cassette/ });
});

test("it says which program cannot be started", async () => {
  const missing = standin(CASSETTE, { recorder: join(tmpdir(), "no-such-recorder") });

  await assert.rejects(missing, { name: "StandInError", message: /no-such-recorder: cannot be started: ENOENT/ });
});

test("it does not wait for ever", async () => {
  const sleeping = [process.execPath, "-e", "setInterval(() => {}, 1000)", "--"];

  await assert.rejects(standin(CASSETTE, { recorder: sleeping, startTimeout: 50 }), /not ready within 50 ms/);
});

test("the program is named by option, by the environment, or found on PATH", () => {
  const folder = mkdtempSync(join(tmpdir(), "standin-"));
  for (const name of ["recorder", "recorder.exe"]) {
    writeFileSync(join(folder, name), "");
    chmodSync(join(folder, name), 0o755);
  }

  assert.deepEqual(command(["python", "-m", "recorder"], {}), ["python", "-m", "recorder"]);
  assert.deepEqual(command("/opt/recorder", { RECORDER: "/other" }), ["/opt/recorder"]);
  assert.deepEqual(command(undefined, { RECORDER: "/opt/recorder" }), ["/opt/recorder"]);
  assert.deepEqual(command(undefined, { PATH: `/no-such-folder:${folder}` }, "linux"), [join(folder, "recorder")]);
  assert.deepEqual(command(undefined, { Path: folder }, "win32"), [join(folder, "recorder.exe")]);
  assert.throws(() => command(undefined, { PATH: "/no-such-folder" }), /pip install outbound-recorder/);
});

test("it ends with the process that started it, however that ends", async () => {
  const source = `
    import { standin } from ${JSON.stringify(new URL("../src/index.js", import.meta.url).href)};
    const server = await standin(${JSON.stringify(fileURLToPath(CASSETTE))});
    console.log(server.url);
    setInterval(() => {}, 1000);
  `;
  const runner = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "inherit"] });
  const url = (await createInterface(runner.stdout)[Symbol.asyncIterator]().next()).value;
  assert.equal((await fetch(`${url}/api/v2/me`)).status, 200);

  runner.kill("SIGKILL");
  await once(runner, "exit");

  let serves = true;
  for (let tries = 0; serves && tries < 400; tries++) {
    await sleep(50);
    serves = await fetch(`${url}/api/v2/me`).then(() => true, () => false);
  }
  assert.equal(serves, false);
});

test("an error that it met is told by the next call", async (t) => {
  const server = await started(t);
  await server.close();

  await assert.rejects(server.report(), { name: "StandInError", message: /has ended/ });
});
