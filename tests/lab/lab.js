// The lab around the application: reads requests, times acks and events, and writes down the truth.

import { openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { agentOf } from "./agent.js";
import { DRIFTS } from "./drift.js";
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
  endFirst: false,
  copies: 1,
  ackReference: false,
  referenceType: null,
  unasked: false,
  error: null,
  clock: null,
  stepwise: false,
  drift: null,
  firstHandle: 1001,
  strictHandles: false,
  gzip: false,
  cors: false,
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
  endFirst: isFlag,
  copies: isCount,
  ackReference: isFlag,
  unasked: isFlag,
  referenceType: (value) => [null, "string", "number"].includes(value),
  error: (value) => value === null || ERROR_NAMES.includes(value),
  clock: (value) => value === null || isCount(value),
  stepwise: isFlag,
  drift: (value) => value === null || Object.hasOwn(DRIFTS, value),
  firstHandle: isCount,
  strictHandles: isFlag,
  gzip: isFlag,
  cors: isFlag,
};

export class Lab {
  #bayeux;
  #front;
  #gws = new Gws();
  #log;
  #options = DEFAULTS;
  #requests = 0;
  #byHand = new Map(); // n -> {ack, events} of a stepwise request, as functions
  #busy = new Set(); // promises of what still goes on by itself

  constructor(bayeux, front, logFile) {
    this.#bayeux = bayeux;
    this.#front = front;
    this.#log = openSync(logFile, "a");
    this.#bayeux.onSubscribed((agent, channel) => this.#noted(this.#subscribed(agent, channel)));
  }

  /** The listener for all that is not Bayeux. */
  handle = async (request, response) => {
    const text = await readBody(request);
    const path = request.url.split("?", 1)[0];
    if (path === "/lab/options") return control(response, () => this.#setOptions(parsed(text)));
    if (path === "/lab/unsolicited") return control(response, () => this.#unsolicited(parsed(text)));
    if (path === "/lab/ack") return control(response, () => this.#stepwise(parsed(text)).ack());
    if (path === "/lab/emit") return control(response, () => this.#emit(parsed(text)));
    if (path === "/lab/forget") return control(response, () => this.#bayeux.forget());
    if (path === "/lab/waiting") return control(response, () => this.#waiting());
    if (path === "/lab/settle") return control(response, () => this.#settle());
    return this.#noted(this.#rest(request, text, response));
  };

  #noted(work) {
    this.#busy.add(work);
    return work.finally(() => this.#busy.delete(work));
  }

  // What goes on may start more of it, so once through is not enough.
  async #settle() {
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy);
  }

  async #rest(request, text, response) {
    const n = this.#requests++;
    const options = this.#options;
    const { method, url: path, headers } = request;
    const agent = agentOf(headers);
    const body = parsed(text);
    this.#write({ kind: "request", n, agent, method, path, body });

    const answer = this.#gws.answer({ method, path, headers, body }, options);
    if (answer.asked !== null) this.#write({ kind: "handle", n, asked: answer.asked });
    if (answer.given !== null) this.#write({ kind: "handle", n, given: answer.given });
    const earlyCount = options.early === "all" ? answer.events.length : options.early;
    const early = [...answer.before, ...answer.events.slice(0, earlyCount)];
    const late = answer.events.slice(earlyCount);

    const ack = () => this.#ack(n, answer, response);
    const deliver = (event) => this.#deliver(n, agent, event);
    if (options.stepwise && method === "POST") {
      this.#byHand.set(n, { ack, events: [...early, ...late].map((event) => () => deliver(event)) });
      return;
    }
    await paced(early, options.splitMs, deliver);
    await sleep(answer.delayMs + (early.length > 0 ? Math.max(options.ackDelayMs, FLUSH_MS) : options.ackDelayMs));
    await ack();
    await this.#unasked(agent, answer.unasked, options);
    if (late.length === 0) return;
    await sleep(options.delayMs);
    await paced(late, options.splitMs, deliver);
  }

  #subscribed(agent, channel) {
    return this.#unasked(agent, this.#gws.subscribed(channel, this.#options), this.#options);
  }

  async #unasked(agent, events, options) {
    if (events.length === 0) return;
    await sleep(options.delayMs);
    await paced(events, options.splitMs, (event) => this.#deliver(null, agent, event));
  }

  // A client that hung up gets no ack, but its events: the operation was carried out.
  async #ack(n, answer, response) {
    if (response.destroyed) return;
    this.#write({ kind: "ack", n, status: answer.status, body: answer.body });
    await send(response, answer);
  }

  #deliver(cause, agent, { channel, data }) {
    this.#write({ kind: "event", cause, channel, data });
    return this.#noted(Promise.resolve(this.#bayeux.deliver(agent, channel, data)));
  }

  #stepwise({ n }) {
    if (!this.#byHand.has(n)) throw new Error(`request ${n} does not wait for steps`);
    return this.#byHand.get(n);
  }

  async #emit({ n, count }) {
    const { events } = this.#stepwise({ n });
    if (count !== null && !(isCount(count) && count <= events.length)) {
      throw new Error(`request ${n} has ${events.length} events left`);
    }
    await Promise.all(events.splice(0, count ?? events.length).map((event) => event()));
  }

  #waiting() {
    return this.#front.waiting.filter((path) => !path.startsWith("/lab/"));
  }

  // What is not named goes back to its default, so that no test depends on the one before it.
  #setOptions(wanted) {
    if (wanted === null || typeof wanted !== "object") throw new Error("options must be a JSON object");
    for (const [name, value] of Object.entries(wanted)) {
      if (!Object.hasOwn(VALID, name)) throw new Error(`no option ${name}; there are ${Object.keys(VALID).join(", ")}`);
      if (!VALID[name](value)) throw new Error(`option ${name} cannot be ${JSON.stringify(value)}`);
    }
    this.#options = Object.freeze({ ...DEFAULTS, ...wanted });
    this.#front.gzip = this.#options.gzip;
    this.#front.cors = this.#options.cors;
    return this.#options;
  }

  async #unsolicited(event) {
    if (typeof event?.channel !== "string" || event.data === undefined) throw new Error("channel and data are needed");
    await this.#deliver(null, event.agent ?? null, event);
  }

  #write(line) {
    writeSync(this.#log, `${JSON.stringify(line)}\n`);
  }
}

async function paced(events, splitMs, deliver) {
  for (const [i, event] of events.entries()) {
    if (i > 0 && splitMs > 0) await sleep(splitMs);
    deliver(event);
  }
}

async function control(response, act) {
  try {
    return await send(response, { status: 200, headers: {}, body: (await act()) ?? {} });
  } catch (error) {
    return await send(response, { status: 400, headers: {}, body: { error: error.message } });
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
