// The lab around the application: reads requests, times acks and events, and writes down the truth.

import { openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { agentOf } from "./agent.js";
import { ERROR_NAMES, Gws } from "./gws.js";

// What a held poll needs to carry an event away before the ack of its cause is written.
const FLUSH_MS = 50;

const DEFAULTS = Object.freeze({
  early: 0,
  ackDelayMs: 0,
  // Ack and events travel on two connections: without a gap the reader decides which came first.
  delayMs: 20,
  splitMs: 0,
  chain: 0,
  twins: true,
  twinsLast: false,
  error: null,
  clock: null,
});

const isCount = (value) => Number.isInteger(value) && value >= 0;
const isFlag = (value) => typeof value === "boolean";
const VALID = {
  early: (value) => value === "all" || isCount(value),
  ackDelayMs: isCount,
  delayMs: isCount,
  splitMs: isCount,
  chain: isCount,
  twins: isFlag,
  twinsLast: isFlag,
  error: (value) => value === null || ERROR_NAMES.includes(value),
  clock: (value) => value === null || isCount(value),
};

export class Lab {
  #bayeux;
  #gws = new Gws();
  #log;
  #options = DEFAULTS;
  #requests = 0;

  constructor(bayeux, logFile) {
    this.#bayeux = bayeux;
    this.#log = openSync(logFile, "a");
  }

  /** The listener for all that is not Bayeux. */
  handle = async (request, response) => {
    const text = await readBody(request);
    const path = request.url.split("?", 1)[0];
    if (path === "/lab/options") return control(response, () => this.#setOptions(parsed(text)));
    if (path === "/lab/unsolicited") return control(response, () => this.#unsolicited(parsed(text)));
    return this.#rest(request, text, response);
  };

  async #rest(request, text, response) {
    const n = this.#requests++;
    const options = this.#options;
    const { method, url: path, headers } = request;
    const agent = agentOf(headers);
    const body = parsed(text);
    this.#write({ kind: "request", n, agent, method, path, body });

    const answer = this.#gws.answer({ method, path, headers, body }, options);
    const earlyCount = options.early === "all" ? answer.events.length : options.early;
    const early = [...answer.before, ...answer.events.slice(0, earlyCount)];
    const late = answer.events.slice(earlyCount);

    await this.#emit(n, agent, early, options.splitMs);
    await sleep(early.length > 0 ? Math.max(options.ackDelayMs, FLUSH_MS) : options.ackDelayMs);
    // A client that hung up gets no ack, but its events: the operation was carried out.
    if (!response.destroyed) {
      this.#write({ kind: "ack", n, status: answer.status, body: answer.body });
      await send(response, answer);
    }
    if (late.length === 0) return;
    await sleep(options.delayMs);
    await this.#emit(n, agent, late, options.splitMs);
  }

  async #emit(cause, agent, events, splitMs) {
    for (const [i, { channel, data }] of events.entries()) {
      if (i > 0 && splitMs > 0) await sleep(splitMs);
      this.#deliver(cause, agent, channel, data);
    }
  }

  #deliver(cause, agent, channel, data) {
    this.#write({ kind: "event", cause, channel, data });
    this.#bayeux.deliver(agent, channel, data);
  }

  // What is not named goes back to its default, so that no test depends on the one before it.
  #setOptions(wanted) {
    if (wanted === null || typeof wanted !== "object") throw new Error("options must be a JSON object");
    for (const [name, value] of Object.entries(wanted)) {
      if (!Object.hasOwn(VALID, name)) throw new Error(`no option ${name}; there are ${Object.keys(VALID).join(", ")}`);
      if (!VALID[name](value)) throw new Error(`option ${name} cannot be ${JSON.stringify(value)}`);
    }
    this.#options = Object.freeze({ ...DEFAULTS, ...wanted });
    return this.#options;
  }

  #unsolicited(event) {
    if (typeof event?.channel !== "string" || event.data === undefined) throw new Error("channel and data are needed");
    this.#deliver(null, event.agent ?? null, event.channel, event.data);
    return {};
  }

  #write(line) {
    writeSync(this.#log, `${JSON.stringify(line)}\n`);
  }
}

function control(response, act) {
  try {
    return send(response, { status: 200, headers: {}, body: act() });
  } catch (error) {
    return send(response, { status: 400, headers: {}, body: { error: error.message } });
  }
}

/** Resolves when the reply is with the operating system, or the client is gone. */
function send(response, { status, headers, body }) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(text) });
  return new Promise((resolve) => {
    response.once("finish", resolve);
    response.once("close", resolve);
    response.end(text);
  });
}

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** JSON if it is JSON, null if it is empty, else the text. */
function parsed(text) {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
