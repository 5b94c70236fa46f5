// Runs clients as long as lines come: {"n", "module", "work", "url"}; answers each by {"n", "error"}, null if all went well.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

process.on("unhandledRejection", () => {}); // of a client that was given up: its own error is told
for await (const line of createInterface(process.stdin)) {
  const { n, module, work, url } = JSON.parse(line);
  run(module, work, url).then((error) => process.stdout.write(`${JSON.stringify({ n, error })}\n`));
}
process.exit(0);

async function run(module, work, url) {
  try {
    const found = await import(pathToFileURL(module).href);
    await found[work](url);
    return null;
  } catch (error) {
    return error.cause ? `${error.message}: ${error.cause.message}` : error.message;
  }
}
