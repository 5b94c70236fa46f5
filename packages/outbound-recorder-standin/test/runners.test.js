// The fixtures in their real runners: suites of which some tests must fail, each for its reason.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const MISS = /path differs: recorded "\/api\/v2\/me", live "\/api\/v2\/you"/;

async function run(...args) {
  const { NODE_TEST_CONTEXT, CI, ...env } = process.env; // a test runner inside of one
  const child = spawn(process.execPath, args, { cwd: HERE, env: { ...env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { out, told: out + err };
}

test("Vitest: a test has a stand-in of its own, and fails with the text of a miss", async () => {
  const { out, told } = await run("node_modules/vitest/vitest.mjs", "run", "--root", "test/suites/vitest", "--reporter=json", "--maxWorkers=2", "--testTimeout=60000");
  const found = JSON.parse(out.slice(out.indexOf("{")));
  const results = found.testResults.flatMap((file) => file.assertionResults);

  const of = (status) => results.filter((one) => one.status === status).map((one) => one.title).sort();
  assert.deepEqual(of("passed"), ["another stand-in", "asks what was recorded", "ignores misses", "steers it"], told);
  assert.deepEqual(of("failed"), ["asks something else", "names no recording"], told);
  assert.match(results.find((one) => one.title === "asks something else").failureMessages.join(), MISS);
});

test("Playwright Test: a test has a stand-in of its own, and fails with the text of a miss", async (t) => {
  const results = mkdtempSync(join(tmpdir(), "standin-"));
  t.after(() => rmSync(results, { recursive: true }));

  const { out, told } = await run("node_modules/@playwright/test/cli.js", "test", "-c", "test/suites/playwright", "--reporter=json", "--workers=2", "--timeout=60000", `--output=${results}`);
  const found = JSON.parse(out);
  const specs = found.suites.flatMap(function all(suite) {
    return [...suite.specs, ...(suite.suites ?? []).flatMap(all)];
  });

  const failed = specs.filter((spec) => !spec.ok);
  assert.deepEqual(specs.map((spec) => spec.title).sort(), ["asks something else", "asks what was recorded", "ignores misses", "steers it"], told);
  assert.deepEqual(failed.map((spec) => spec.title), ["asks something else"], told);
  const [result] = failed[0].tests[0].results;
  assert.match(result.errors.map(({ message }) => message).join(), MISS);
  assert.ok(result.attachments.some(({ name }) => name === "requests that matched nothing"));
});

test("node:test: a test has a stand-in of its own, and fails with the text of a miss", async () => {
  const { out } = await run("--test", "--test-reporter=tap", "test/suites/node/suite.js");

  assert.match(out, /^ *ok \d+ - asks what was recorded$/m);
  assert.match(out, /^ *not ok \d+ - asks something else$/m);
  assert.match(out, /^ *not ok \d+ - ends by itself$/m);
  assert.equal(out.match(new RegExp(MISS, "g")).length >= 2, true);
});
