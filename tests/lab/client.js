// A scripted desktop: node client.js BASE_URL < script.json. README.md has the script and the output.

import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import { AckExtension, CometD } from "cometd";
import { adapt } from "cometd-nodejs-client";

const STEP_TIMEOUT = 10; // seconds
const START_TIMEOUT = 10;
const DISCONNECT_TIMEOUT = 2;

class ClientError extends Error {}

/** One jar for REST and Bayeux, as a browser has it. */
class CookieJar {
  #cookies = new Map();

  store(url, header) {
    const [pair, ...attributes] = header.split(";").map((part) => part.trim());
    const [name] = pair.split("=", 1);
    const path = attributes.find((attribute) => /^path=\//i.test(attribute))?.slice("path=".length);
    // RFC 6265 section 5.1.4: the default path is the directory of the request.
    this.#cookies.set(name, { pair, path: path ?? (url.pathname.replace(/\/[^/]*$/, "") || "/") });
  }

  of(url) {
    const matches = (path) => path === "/" || url.pathname === path || url.pathname.startsWith(`${path}/`);
    return [...this.#cookies.values()].filter(({ path }) => matches(path)).map(({ pair }) => pair);
  }
}

class Desktop {
  #base;
  #script;
  #cometd;
  #jar = new CookieJar();
  #headers = { "Content-Type": "application/json" };
  #step = null;
  #events = []; // since the current step began
  #onEvent = () => {};

  constructor(base, script) {
    this.#base = base.replace(/\/$/, "");
    this.#script = script;
    if (script.auth) this.#headers.Authorization = `Basic ${Buffer.from(script.auth).toString("base64")}`;
  }

  async run() {
    await within(START_TIMEOUT, this.#start(), "handshake and subscriptions took too long");
    for (const [i, step] of (this.#script.steps ?? []).entries()) await this.#play(i, step);
    await sleep((this.#script.linger ?? 0) * 1000);
    const disconnected = new Promise((resolve) => this.#cometd.disconnect(resolve));
    await within(DISCONNECT_TIMEOUT, disconnected, "disconnect took too long");
    print({ kind: "done" });
  }

  #start() {
    const shared = {
      storeCookie: (url, header, callback) => callback(null, this.#jar.store(url, header)),
      retrieveCookies: (_context, url, callback) => callback(null, this.#jar.of(url)),
    };
    adapt(this.#script.sharedCookies === false ? {} : { cookies: shared });
    // The library logs to stdout, which is for our lines.
    globalThis.window.console = { debug() {}, info() {}, warn() {}, error() {} };
    const transport = this.#script.transport ?? "long-polling";
    this.#cometd = new CometD();
    for (const other of this.#cometd.getTransportTypes()) {
      if (other !== transport) this.#cometd.unregisterTransport(other);
    }
    if (this.#script.ack) this.#cometd.registerExtension("ack", new AckExtension());
    const requestHeaders = this.#script.auth ? { Authorization: this.#headers.Authorization } : {};
    this.#cometd.configure({ url: `${this.#base}/api/v2/notifications`, requestHeaders });
    // A local listener, not the subscriptions: an event that two of them match is still one event,
    // and GWS delivers on channels nobody subscribed to.
    this.#cometd.addListener("/**", (message) => {
      if (!message.channel.startsWith("/meta/")) this.#receive(message);
    });
    return new Promise((resolve, reject) => {
      // Subscriptions die with the session, so each handshake, also one after a restart, renews them.
      this.#cometd.addListener("/meta/handshake", (reply) => {
        if (reply.successful) this.#subscribe().then(resolve, reject);
        else reject(new ClientError(`handshake failed: ${reason(reply)}`));
      });
      this.#cometd.handshake();
    });
  }

  async #subscribe() {
    const pending = [];
    this.#cometd.batch(() => {
      for (const channel of this.#script.subscribe ?? []) {
        const subscribed = (resolve, reject) => (reply) =>
          reply.successful ? resolve() : reject(new ClientError(`cannot subscribe to ${channel}: ${reason(reply)}`));
        pending.push(
          new Promise((resolve, reject) => {
            this.#cometd.subscribe(channel, () => {}, subscribed(resolve, reject));
          }),
        );
      }
    });
    await Promise.all(pending);
  }

  #receive({ channel, data }) {
    this.#events.push({ channel, data });
    print({ kind: "event", step: this.#step, channel, data, at: now() });
    this.#onEvent();
  }

  async #play(i, step) {
    await sleep((step.think ?? 0) * 1000);
    // Set only now: what came while thinking still belongs to the step before.
    this.#step = i;
    this.#events = [];
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), (step.timeout ?? STEP_TIMEOUT) * 1000);
    try {
      await this.#post(i, step, limit.signal);
      await this.#wait(step, limit.signal);
    } catch (error) {
      if (!limit.signal.aborted) throw error;
      print({ kind: "timeout", step: i });
      throw new ClientError(`step ${i} (${step.path}) timed out with ${this.#events.length} events`);
    } finally {
      clearTimeout(timer);
    }
  }

  async #post(i, step, signal) {
    const url = new URL(this.#base + step.path);
    const method = step.method ?? "POST";
    const cookies = this.#jar.of(url);
    const headers = cookies.length > 0 ? { ...this.#headers, Cookie: cookies.join("; ") } : this.#headers;
    const body = step.body === undefined || method === "GET" ? undefined : JSON.stringify(step.body);
    print({ kind: "request", step: i, at: now() });
    const response = await fetch(url, { method, headers, body, signal });
    const content = await response.text();
    const at = now();
    for (const header of response.headers.getSetCookie()) this.#jar.store(url, header);
    const csrf = response.headers.get("x-csrf-header");
    if (csrf !== null) this.#headers[csrf] = response.headers.get("x-csrf-token");
    const ack = { kind: "ack", step: i, status: response.status, body: jsonOrText(content) };
    print({ ...ack, headers: Object.fromEntries(response.headers), at });
  }

  #wait(step, signal) {
    return new Promise((resolve, reject) => {
      this.#onEvent = () => {
        if (this.#satisfied(step)) resolve();
      };
      signal.addEventListener("abort", () => reject(signal.reason));
      if (signal.aborted) reject(signal.reason);
      this.#onEvent();
    });
  }

  #satisfied({ until, events }) {
    if (events != null && this.#events.length < events) return false;
    if (until == null) return true;
    const { count = 1, channel, ...fields } = until;
    const matches = (event) =>
      (channel == null || channel === event.channel) &&
      Object.entries(fields).every(([name, value]) => event.data?.[name] === value);
    return this.#events.filter(matches).length >= count;
  }
}

function within(seconds, promise, message) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new ClientError(message)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function reason(reply) {
  const { reason, exception, httpCode } = reply.failure ?? {};
  return reply.error || reason || exception?.message || `HTTP ${httpCode ?? "without an answer"}`;
}

function jsonOrText(content) {
  try {
    return JSON.parse(content);
  } catch {
    return content;
  }
}

function now() {
  return Math.round(performance.now() * 1000) / 1000;
}

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

try {
  if (process.argv.length !== 3) throw new ClientError("usage: node client.js BASE_URL < script.json");
  await new Desktop(process.argv[2], JSON.parse(await text(process.stdin))).run();
  process.exit(0);
} catch (error) {
  const cause = error.cause ? ` (${error.cause.code ?? error.cause.message})` : "";
  process.stderr.write(`client: ${error.message}${cause}\n`);
  process.exit(1);
}
