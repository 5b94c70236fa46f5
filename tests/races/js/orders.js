// The least of a desk for orders on fetch: requests, and a stream of server-sent events beside them.

import { PATIENCE, check, sleep, within } from "./bayeux.js";

const LATER = 5; // milliseconds; the request for the list is at the server by then

export class Orders {
  orders = new Map(); // id -> {state, serial}
  #url;
  #cookie = "";
  #ended = new AbortController();
  #heard = new Set();
  #waiting = new Map(); // name -> function

  constructor(url) {
    this.#url = url;
  }

  async ask(method, path, body) {
    const response = await this.#fetch(path, { method, body: body && JSON.stringify(body) });
    check(response.ok, `${method} ${path}: ${response.status}`);
    return response.json();
  }

  async connect() {
    await this.ask("POST", "/login", { agent: "ann" });
    const { body } = await this.#fetch("/events", {});
    this.failed = this.#listen(body).catch((error) => error);
  }

  /** Resolves to the error by which the stream ended, if not by us. */
  async disconnect() {
    this.#ended.abort();
    const error = await this.failed;
    if (error?.name !== "AbortError") throw error;
  }

  /** Take what an event tells of an order. */
  receive(id, told) {
    this.orders.set(id, told);
  }

  async list() {
    this.listed(await this.ask("GET", "/orders"));
  }

  /** Take a list of orders; an event may have overtaken it, and then tells of a later time. */
  listed({ orders }) {
    for (const one of orders) if (one.serial > (this.orders.get(one.id)?.serial ?? 0)) this.orders.set(one.id, one);
  }

  /** Resolves when an event of a name has come. */
  hears(name) {
    return within(PATIENCE, `no event ${name}`, (resolve) => {
      if (this.#heard.has(name)) resolve();
      else this.#waiting.set(name, resolve);
    });
  }

  async #listen(body) {
    let text = "";
    for await (const part of body.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + part).split(/\r?\n\r?\n/);
      text = blocks.pop();
      for (const block of blocks) this.#takes(block);
    }
  }

  #takes(block) {
    const fields = block.split(/\r?\n/).map((line) => line.split(/: (.*)/));
    const data = fields.filter(([name]) => name === "data").map(([, value]) => value);
    if (data.length === 0) return;
    const state = fields.find(([name]) => name === "event")[1];
    const { order, serial } = JSON.parse(data.join("\n"));
    this.#heard.add(state);
    if (order !== undefined) this.receive(order.id, { state, serial });
    this.#waiting.get(state)?.();
  }

  async #fetch(path, options) {
    const headers = { "Content-Type": "application/json", Cookie: this.#cookie };
    const response = await fetch(this.#url + path, { ...options, headers, signal: this.#ended.signal });
    this.#cookie ||= response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    return response;
  }
}

/** Let a desk work, and leave; what broke its stream is told first. */
export async function at(desk, work) {
  try {
    await desk.connect();
    await Promise.race([work(desk), desk.failed.then((error) => Promise.reject(error))]);
  } catch (error) {
    desk.disconnect().catch(() => {});
    throw error;
  }
  await desk.disconnect();
}

/** Let a desk list all orders, and change one before the list is there. */
export async function watch(desk) {
  await at(desk, async () => {
    await desk.ask("POST", "/orders", { ref: "desk-1", item: "lamp" });
    await desk.hears("sent");
    const listing = desk.list();
    await sleep(LATER);
    await desk.ask("PATCH", `/orders/${[...desk.orders.keys()][0]}`, { ref: "desk-2", note: "in red" });
    await Promise.all([desk.hears("changed"), listing]);
    const states = [...desk.orders.values()].map(({ state }) => state);
    check(states.length === 1 && states[0] === "changed", `an order was changed, but is shown as ${states}`);
  });
}
