// The API of orders.py, for servers on Node: a request in, an answer and events out, and the truth.

import { randomBytes } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

export const BEAT_MS = 1000;
const DOWN_MS = 60; // from the end of a stream to what happens while it is down
const FLUSH_MS = 60; // that an event is ahead of the answer, if it is

class Desk {
  told = []; // {seq, type, data}
  streams = new Set(); // {tell(told), cut()}

  constructor(agent) {
    this.agent = agent;
  }

  add(type, data) {
    const told = { seq: this.told.length + 1, type, data };
    this.told.push(told);
    for (const stream of this.streams) stream.tell(told);
  }

  cut() {
    for (const stream of [...this.streams]) {
      this.streams.delete(stream);
      stream.cut();
    }
  }

  /** Tell a stream what came after an event, then what comes; returns what ends that. */
  listen(after, stream) {
    for (const told of this.told.slice(after)) stream.tell(told);
    this.streams.add(stream);
    return () => this.streams.delete(stream);
  }
}

export class Orders {
  #log;
  #desks = new Map(); // key -> Desk
  #orders = new Map(); // id -> item
  #lastId = 1000;
  #requests = 0;
  #serial = 0;

  constructor(log) {
    this.#log = openSync(log, "a");
  }

  enter(agent, key = randomBytes(16).toString("hex")) {
    this.#desks.set(key, new Desk(agent));
    return key;
  }

  desk(key) {
    return this.#desks.get(key);
  }

  /** Note that a stream was opened; returns after which event it begins. */
  opened(desk, after = null) {
    if (after !== null) return after;
    this.#write({ kind: "session", agent: desk.agent });
    this.#tell(null, desk, { type: "hello", data: { agent: desk.agent } });
    return desk.told.length - 1;
  }

  /**
   * Answer a request.
   *
   * @param send gets {status, body, key}, key that of a desk that has logged in
   * @param asked is {method, path, body} as they were sent
   */
  async request(desk, method, path, body, send, asked = { method, path, body }) {
    const n = this.#requests++;
    this.#write({ kind: "request", n, agent: desk?.agent ?? null, ...asked });
    const answer = this.#answer(desk, method, path, body ?? {});
    const { status, body: content, before = [], after = [], cuts = false } = answer;
    await this.#push(n, desk, before);
    if (before.length > 0) await sleep(FLUSH_MS);
    this.#write({ kind: "ack", n, status, body: content });
    await send(answer);
    if (cuts) {
      await sleep(DOWN_MS / 2);
      desk.cut();
    }
    await this.#push(n, desk, after);
  }

  async #push(n, desk, events) {
    for (const event of events) {
      await sleep(event.wait);
      for (const one of event.toAll ? this.#desks.values() : [desk]) this.#tell(n, one, event);
    }
  }

  #tell(cause, desk, { type, data }) {
    this.#write({ kind: "event", cause, agent: desk.agent, channel: type, data });
    desk.add(type, data);
  }

  #answer(desk, method, path, body) {
    const ok = { ok: true };
    if (method === "POST" && path === "/login") return { status: 200, body: ok, key: this.enter(body.agent) };
    if (desk === undefined) return { status: 401, body: { error: "nobody has logged in" } };
    if (method === "POST" && path === "/orders") return this.#create(desk, body);
    if (method === "POST" && path === "/refresh") {
      const after = [this.#event("refreshed", { ref: body.ref }, { wait: DOWN_MS })];
      return { status: 200, body: ok, after, cuts: true };
    }
    const id = Number(/^\/orders\/(\d+)$/.exec(path)?.[1]);
    if (!this.#orders.has(id)) return { status: 404, body: { error: "no such order" } };
    const order = { id };
    if (method === "GET") {
      const after = [this.#event("viewed", { order })];
      return { status: 200, body: { order: { id, item: this.#orders.get(id) } }, after };
    }
    if (method === "PATCH") {
      const data = { ref: body.ref, order: { id, note: body.note }, by: desk.agent };
      return { status: 200, body: ok, after: [this.#event("changed", data, { toAll: true })] };
    }
    if (method === "DELETE") {
      this.#orders.delete(id);
      return { status: 200, body: ok, after: [this.#event("removed", { order }, { toAll: true })] };
    }
    return { status: 405, body: { error: "no such method" } };
  }

  #create(desk, { ref, item }) {
    const order = { id: ++this.#lastId };
    this.#orders.set(order.id, item);
    const accepted = this.#event("accepted", { ref, order: { ...order, item }, by: desk.agent }, { toAll: true });
    const label = `L-${order.id}-${randomBytes(4).toString("hex")}`;
    const packed = this.#event("packed", { ref, order, label }, { wait: 20 });
    const sent = this.#event("sent", { label }, { wait: 20 });
    const [before, after] = order.id % 2 ? [[], [accepted, packed, sent]] : [[accepted], [packed, sent]];
    return { status: 202, body: { ok: true }, before, after };
  }

  #event(type, data, { wait = 10, toAll = false } = {}) {
    return { type, data: { ...data, serial: ++this.#serial }, wait, toAll };
  }

  #write(line) {
    writeSync(this.#log, `${JSON.stringify(line)}\n`);
  }
}

/** Options of a server: --log FILE --port N. */
export function options() {
  return parseArgs({ options: { log: { type: "string" }, port: { type: "string", default: "0" } } }).values;
}

export function keyOf({ cookie = "" }) {
  return /(?:^|;\s*)desk=([^;]+)/.exec(cookie)?.[1];
}

export function listen(server, port) {
  server.listen(Number(port), "127.0.0.1", () => {
    process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`);
  });
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
}

export async function answerTo(orders, request, response, body) {
  const desk = orders.desk(keyOf(request.headers));
  await orders.request(desk, request.method, request.url, body, ({ status, body: content, key }) => {
    const cookie = key === undefined ? {} : { "Set-Cookie": `desk=${key}; Path=/; HttpOnly; SameSite=Lax` };
    response.writeHead(status, { "Content-Type": "application/json", ...cookie });
    return new Promise((resolve) => response.end(JSON.stringify(content), resolve));
  });
}
