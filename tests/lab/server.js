// node server.js --bayeux cometd|faye [--port 0] [--host 127.0.0.1] --log FILE [--timeout MS] [--sessions-per-browser N]

import { createServer } from "node:http";
import { parseArgs } from "node:util";

import { createBayeux } from "./bayeux.js";
import { Front } from "./front.js";
import { Lab } from "./lab.js";

function fail(message) {
  process.stderr.write(`lab: ${message}\n`);
  process.exit(2);
}

function readArguments() {
  const options = {
    bayeux: { type: "string" },
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    log: { type: "string" },
    timeout: { type: "string", default: "5000" },
    // The server's own default is 1: a second client behind one cookie jar is told to poll every two seconds.
    "sessions-per-browser": { type: "string", default: "-1" },
  };
  const { values } = parseArgs({ options });
  if (!values.bayeux || !values.log) throw new Error("--bayeux and --log are needed");
  const [port, timeout] = [Number(values.port), Number(values.timeout)];
  if (!Number.isInteger(port) || port < 0) throw new Error(`not a port: ${values.port}`);
  if (!Number.isInteger(timeout) || timeout < 1) throw new Error(`not a time in ms: ${values.timeout}`);
  const sessions = Number(values["sessions-per-browser"]);
  if (!Number.isInteger(sessions)) throw new Error(`not a number of sessions: ${values["sessions-per-browser"]}`);
  return { ...values, port, timeout, sessions };
}

async function main() {
  const { bayeux: kind, port, host, log, timeout, sessions } = readArguments();
  const bayeux = createBayeux(kind, timeout, sessions);
  // A proxy in between keeps connections open; closing an idle one just as it is reused would lose a request.
  const server = createServer({ keepAliveTimeout: 120_000 });
  const front = new Front(server);
  const lab = new Lab(bayeux, front, log);
  bayeux.attach(front, (request, response) => {
    lab.handle(request, response).catch((error) => {
      // Either the client broke off its request body, or the lab has a bug, which no test may miss.
      if (!request.complete) return;
      fail(error.stack);
    });
  });
  await bayeux.ready();
  server.on("error", (error) => fail(error.message));
  server.listen(port, host, () => {
    process.stdout.write(`listening on http://${host}:${server.address().port}\n`);
  });
  // Polls are held for seconds: closing politely would wait for them.
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
}

main().catch((error) => fail(error.message));
