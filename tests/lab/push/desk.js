// A scripted desk of the API of orders, in Node and in a page.
//
// meet()                                              resolves when all desks have come to that step
// http(path, {method, body}) -> {status, body}        of one client, with its cookies
// stream({receive}) -> {open(), ask?(method, params), close()}   receive({channel, data})
//
// A step is {do, ref, item, order, note, events, think}: `do` is a request, or open, wait, meet. `order` is the ref that
// made the order; its id is learnt from events alone. A step is over when its answer is there and `events` events came
// since it began; or, with a `patience` in the script, after so many seconds.

const STEP_S = 10;

const STEPS = {
  login: (_, { agent }) => ["POST", "/login", { agent }],
  create: ({ ref, item }) => ["POST", "/orders", { ref, item }],
  change: ({ ref, note }, { id }) => ["PATCH", `/orders/${id}`, { ref, note }],
  view: (_, { id }) => ["GET", `/orders/${id}`],
  remove: (_, { id }) => ["DELETE", `/orders/${id}`],
  refresh: ({ ref }) => ["POST", "/refresh", { ref }],
};

export class Desk {
  #script;
  #print;
  #http;
  #stream;
  #meet;
  #step = null;
  #events = 0;
  #wake = () => {};
  #ids = new Map(); // ref -> id

  constructor(script, { print, http, stream, meet }) {
    this.#script = script;
    this.#meet = meet;
    this.#print = (line) => print({ ...line, client: script.client ?? 0, at: performance.now() });
    this.#http = http;
    this.#stream = stream((event) => this.#receive(event));
  }

  async play() {
    try {
      for (const [i, step] of this.#script.steps.entries()) {
        await sleep(1000 * (step.think ?? 0));
        [this.#step, this.#events] = [i, 0];
        await this.#unless("refused", i, this.#perform(i, step));
        await this.#unless("missed", i, this.#heard(i, step));
      }
      await sleep(1000 * (this.#script.linger ?? 0.1));
    } finally {
      await this.#stream.close();
    }
    this.#print({ kind: "done" });
  }

  #receive({ channel, data }) {
    if (data?.ref !== undefined && data.order !== undefined) this.#ids.set(data.ref, data.order.id);
    this.#print({ kind: "event", step: this.#step, channel, data });
    this.#events++;
    this.#wake();
  }

  /** Wait; with a patience, what fails is printed. */
  async #unless(kind, i, doing) {
    try {
      await doing;
    } catch (error) {
      if (this.#script.patience === undefined) throw error;
      this.#print({ kind, step: i, why: String(error) });
    }
  }

  get #limit() {
    return 1000 * (this.#script.patience ?? STEP_S);
  }

  async #perform(i, step) {
    this.#print({ kind: "request", step: i });
    if (step.do === "open") return this.#stream.open();
    if (step.do === "meet") return this.#meet();
    if (step.do === "wait") return undefined;
    const id = this.#ids.get(step.order);
    const [method, path, body] = STEPS[step.do](step, { ...this.#script, id });
    const ask = this.#stream.ask
      ? this.#stream.ask(step.do, { ...body, ...(id && { order: id }) })
      : this.#http(path, { method, body });
    const answer = await limited(ask, this.#limit, `step ${i} (${step.do}) has no answer`);
    if (answer.status >= 400) throw new Error(`step ${i} (${step.do}): ${answer.status} ${JSON.stringify(answer.body)}`);
    this.#print({ kind: "ack", step: i, status: answer.status, body: answer.body });
  }

  async #heard(i, { do: name, events = 0 }) {
    const end = Date.now() + this.#limit;
    while (this.#events < events) {
      if (Date.now() > end) throw new Error(`step ${i} (${name}) timed out with ${this.#events} events`);
      await Promise.race([new Promise((resolve) => (this.#wake = resolve)), sleep(50)]);
    }
  }
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function limited(promise, ms, what) {
  return Promise.race([
    promise,
    sleep(ms).then(() => {
      throw new Error(what);
    }),
  ]);
}

export const EVENTS = ["hello", "accepted", "packed", "sent", "changed", "viewed", "removed", "refreshed"];

/** The events of an EventSource. */
export function sourced(receive, open) {
  let source;
  return {
    open() {
      source = open();
      for (const type of EVENTS) {
        source.addEventListener(type, ({ data }) => receive({ channel: type, data: JSON.parse(data) }));
      }
    },
    close: () => source?.close(),
  };
}

/** The events of a WebSocket, which is opened again when it was closed by the server. */
export function socketed(receive, open, { rpc, retryMs = 150 }) {
  let [socket, last, over, count] = [undefined, null, false, 0];
  const asked = new Map(); // id -> resolve
  const heard = ({ type, seq, ...data }) => {
    last = seq ?? last;
    if (type !== "beat") receive({ channel: type, data });
  };
  const notified = ({ id, method, params, result, error }) => {
    if (method !== undefined) return heard({ type: method, ...params });
    if (!asked.has(id)) return receive({ channel: "answer to nobody", data: { id, result, error } });
    asked.get(id)({ status: error ? 400 : 200, body: result ?? error });
    asked.delete(id);
  };
  const connect = () => {
    socket = open(last);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      if (!rpc) socket.send(JSON.stringify({ type: "subscribe", topics: ["orders", "desk"] }));
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") receive({ channel: "binary", data: [...new Uint8Array(data)] });
      else (rpc ? notified : heard)(JSON.parse(data));
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (over) return;
      receive({ channel: "closed", data: { code, reason, protocol: socket.protocol } });
      setTimeout(connect, retryMs);
    });
    socket.addEventListener("error", () => {});
  };
  const methods = { refresh: "desk.refresh" };
  const ask = (name, params) => {
    const id = `${rpc}${++count}`;
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: methods[name] ?? `orders.${name}`, params }));
    return new Promise((resolve) => asked.set(id, resolve));
  };
  return {
    open: connect,
    ...(rpc && { ask }),
    close() {
      over = true;
      socket?.close(1000, "bye");
    },
  };
}
