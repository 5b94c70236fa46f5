// Run a command until standard input ends, then end it and all that it started. Standard input is a pipe from the test
// runner: it ends when the runner closes it, and also when the runner dies, however it does.
//
//     node keeper.js PROGRAM ARGUMENT…

import { spawn, spawnSync } from "node:child_process";

const PATIENCE = 5_000; // milliseconds until what does not end is ended
const isWindows = process.platform === "win32";
const [program, ...args] = process.argv.slice(2);
// a group of its own, so that one signal reaches all of it; Ctrl-C on the terminal ends the runner, and that ends this
const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"], detached: !isWindows, windowsHide: true });

child.on("error", (error) => {
  process.stderr.write(`recorder: ${program}: cannot be started: ${error.code ?? error.message}\n`);
  process.exit(127);
});
child.on("exit", (code, signal) => {
  if (!isWindows) send("SIGKILL"); // what it left behind
  process.exit(code ?? (signal === null ? 1 : 128));
});
process.stdin.on("end", end).on("error", end).resume();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, end);

function end() {
  if (isWindows) {
    // no signal can be sent there but to end at once; /T takes the children of a launcher too
    spawnSync("taskkill", ["/PID", String(child.pid), "/T", "/F"], { windowsHide: true });
    return;
  }
  send("SIGINT");
  setTimeout(send, PATIENCE, "SIGKILL");
}

function send(signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // it has ended
  }
}
