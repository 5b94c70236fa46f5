// A stand-in for a recorded server: `recorder replay` as a child process, with its control API.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { command } from "./finding.js";
import { StandInError, refuse } from "./misses.js";

export { StandInError } from "./misses.js";

const START = 30_000; // milliseconds until it must be ready
const KEEPER = fileURLToPath(new URL("keeper.js", import.meta.url));
const SWITCHES = { strict: "--strict", exitWhenDone: "--exit-when-done" };
const VALUES = {
  clock: "--clock",
  repeat: "--repeat",
  idle: "--idle",
  sessionTimeout: "--session-timeout",
  seed: "--seed",
  policy: "--policy",
  dialect: "--dialect",
  schedule: "--schedule",
};
const LISTS = { faults: "--fault", allowHosts: "--allow-host", allowOrigins: "--allow-origin", options: null };

/** Start a stand-in; resolves when it is ready. */
export async function standin(cassette, given = {}) {
  const standin = new StandIn(cassette, given);
  await standin.ready;
  return standin;
}

export class StandIn {
  #keeper;
  #token = randomBytes(16).toString("hex");
  #stderr = "";
  #stdout = [];
  #exit;
  #closed;

  /** @hideconstructor use `standin` */
  constructor(cassette, given) {
    const [program, ...first] = command(given.recorder, { ...process.env, ...given.env });
    const args = [...first, "replay", ...options(given), "--", ...[cassette].flat().map(named)];
    this.#keeper = spawn(process.execPath, [KEEPER, program, ...args], {
      cwd: given.cwd,
      env: { ...process.env, ...given.env, RECORDER_CONTROL_TOKEN: this.#token, PYTHONUNBUFFERED: "1" },
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
    });
    this.#keeper.stdin.on("error", () => {}); // it ended first
    this.#keeper.stderr.setEncoding("utf8").on("data", (text) => (this.#stderr += text));
    this.#exit = once(this.#keeper, "close").then(([code]) => code);
    this.ready = this.#ready(given.startTimeout ?? START);
    this.ready.catch(() => {}); // `standin` tells it
  }

  async #ready(limit) {
    const lines = createInterface(this.#keeper.stdout);
    const url = new Promise((resolve) => {
      lines.on("line", (line) => {
        const found = /^listening on (\S+)$/.exec(line);
        if (found) resolve(found[1]);
        else this.#stdout.push(line);
      });
    });
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, limit, null);
    });
    const first = await Promise.race([url, late, this.#exit]);
    clearTimeout(timer);
    if (typeof first !== "string") {
      this.#keeper.stdin.end();
      const why = first === null ? `it was not ready within ${limit} ms` : `exit code ${first}`;
      await this.#exit;
      throw new StandInError(`recorder replay did not start: ${this.#stderr.trim() || why}`);
    }
    // a browser and many clients keep no cookies for IP addresses
    this.url = first.replace("127.0.0.1", "localhost");
  }

  /** What was printed on stderr so far. */
  get stderr() {
    return this.#stderr;
  }

  async report() {
    return this.#ask("GET", "report");
  }

  async misses() {
    return (await this.report()).misses;
  }

  /** Throw an error with the explanations of all requests that matched nothing. */
  async expectNoMisses() {
    refuse(await this.misses());
  }

  async state() {
    return this.#ask("GET", "state");
  }

  async pause() {
    return this.#ask("POST", "pause");
  }

  async resume() {
    return this.#ask("POST", "resume");
  }

  async step() {
    return (await this.#ask("POST", "step")).played;
  }

  async advance(seconds) {
    return this.#ask("POST", "advance", { seconds });
  }

  async inject(event) {
    return (await this.#ask("POST", "inject", event)).sessions;
  }

  async faults() {
    return (await this.#ask("GET", "faults")).faults;
  }

  async addFault(fault) {
    return (await this.#ask("POST", "faults", { fault })).faults;
  }

  async clearFaults() {
    await this.#ask("DELETE", "faults");
  }

  async schedule() {
    return this.#ask("GET", "schedule");
  }

  async beginAnew(deviations = []) {
    return this.#ask("POST", "schedule", { deviations });
  }

  /** Begin the next trial of an exploration; `outcome` judges the one before. `explore` calls it. */
  async next(outcome = {}) {
    return this.#ask("POST", "trial", outcome);
  }

  async #ask(method, path, body) {
    const asked = { method, headers: { "X-Recorder-Token": this.#token } };
    if (body !== undefined) {
      asked.body = JSON.stringify(body);
      asked.headers["Content-Type"] = "application/json";
    }
    let answer;
    try {
      answer = await fetch(`${this.url}/__recorder/${path}`, asked);
    } catch (cause) {
      throw new StandInError(`the stand-in has ended: ${this.#stderr.trim() || "it gave no reason"}`, { cause });
    }
    const told = await answer.json();
    if (!answer.ok) throw new StandInError(told.error);
    return told;
  }

  /** Wait until it ends by itself, with the option `exitWhenDone`; resolves to its exit code and what it said. */
  async ended() {
    const code = await this.#exit;
    return { code, stderr: this.#stderr, report: null, misses: [] };
  }

  /** End it, and all that it started; resolves to how the replay went. Safe to call twice. */
  close() {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close() {
    const report = this.#keeper.exitCode === null ? await this.report().catch(() => null) : null;
    this.#keeper.stdin.end();
    const code = await this.#exit;
    const misses = report?.misses ?? [];
    // on Windows it is ended at once, and its own exit code says nothing
    return { code: process.platform === "win32" && report ? Number(misses.length > 0) : code, stderr: this.#stderr, report, misses };
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.close();
  }
}

function named(cassette) {
  return cassette instanceof URL ? fileURLToPath(cassette) : String(cassette);
}

function options(given) {
  const made = ["--rate", String(given.rate ?? "instant")];
  for (const [name, option] of Object.entries(SWITCHES)) if (given[name]) made.push(option);
  for (const [name, option] of Object.entries(VALUES)) if (given[name] !== undefined) made.push(option, String(given[name]));
  for (const [name, option] of Object.entries(LISTS)) {
    for (const value of given[name] ?? []) made.push(...(option === null ? [] : [option]), String(value));
  }
  return made;
}
