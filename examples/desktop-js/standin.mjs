// A recorded server for a test: `recorder replay` as a child process.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const CASSETTES = new URL("../../cassettes/", import.meta.url);

/**
 * Serve a cassette; in `url` is where. `t.after` ends it, whatever became of the test.
 *
 * @param t the context of the test
 * @param cassette its name
 * @param options of `recorder replay`
 */
export async function standin(t, cassette, ...options) {
  const file = fileURLToPath(new URL(`${cassette}.cassette`, CASSETTES));
  const child = spawn("recorder", ["replay", file, "--rate", "instant", ...options], { stdio: ["ignore", "pipe", "pipe"] });
  const exit = once(child, "exit");
  const stderr = text(child.stderr);
  t.after(() => child.kill("SIGKILL"));
  const ready = await createInterface(child.stdout)[Symbol.asyncIterator]().next();
  if (ready.done) throw new Error(`recorder replay did not start: ${await stderr}`);
  const verdict = async () => ({ code: (await exit)[0], text: await stderr });
  return {
    url: ready.value.split(" ").at(-1).replace("127.0.0.1", "localhost"),
    /** How it ends by itself, under --exit-when-done: code 0 if all was played. */
    ended: verdict,
    /** End it; the code is 1 if a request matched nothing. */
    stop() {
      child.kill("SIGINT");
      return verdict();
    },
  };
}
