// A scripted desktop on whatever speaks Bayeux, in Node (node.js) as in a page (page.js). README.md has the script and the output.

const STEP_TIMEOUT = 10; // seconds
const START_TIMEOUT = 10;
const DISCONNECT_TIMEOUT = 2;

export class ClientError extends Error {}

export class Desktop {
  #base;
  #script;
  #bayeux;
  #print;
  #fetch;
  #headers = { "Content-Type": "application/json" };
  #step = null;
  #events = []; // since the current step began
  #onEvent = () => {};

  /**
   * @param base the URL of the server
   * @param script what to do
   * @param print takes each line of the output, an object
   * @param fetch as the global one, but with the cookies of this desktop
   * @param bayeux makes the Bayeux client of {url, script, transport, headers, receive}: start(channels) resolves when
   *   it is connected and subscribed, subscribe(channel) and publish(channel, data) when they have their replies, stop()
   *   when it has left, and it calls receive({channel, data}) once for each event
   */
  constructor(base, script, { print, fetch, bayeux }) {
    this.#base = base.replace(/\/$/, "");
    this.#script = script;
    this.#print = print;
    this.#fetch = fetch;
    if (script.auth) this.#headers.Authorization = `Basic ${btoa(script.auth)}`;
    this.#bayeux = bayeux({
      url: `${this.#base}/api/v2/notifications`,
      script,
      transport: script.transport ?? "long-polling",
      headers: script.auth ? { Authorization: this.#headers.Authorization } : {},
      receive: (message) => this.#receive(message),
    });
  }

  async run() {
    const start = this.#bayeux.start(this.#script.subscribe ?? []);
    await within(START_TIMEOUT, start, "handshake and subscriptions took too long");
    for (const [i, step] of (this.#script.steps ?? []).entries()) await this.#play(i, step);
    await sleep((this.#script.linger ?? 0) * 1000);
    await within(DISCONNECT_TIMEOUT, this.#bayeux.stop(), "disconnect took too long");
    this.#print({ kind: "done" });
  }

  #receive({ channel, data }) {
    this.#events.push({ channel, data });
    this.#print({ kind: "event", step: this.#step, channel, data, at: now() });
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
      await this.#do(i, step, limit.signal);
      await this.#wait(step, limit.signal);
    } catch (error) {
      if (!limit.signal.aborted) throw error;
      this.#print({ kind: "timeout", step: i });
      if (this.#script.goOn) return;
      const what = step.path ?? step.subscribe ?? step.publish;
      throw new ClientError(`step ${i} (${what}) timed out with ${this.#events.length} events`);
    } finally {
      clearTimeout(timer);
    }
  }

  async #do(i, step, signal) {
    if (step.path !== undefined) return this.#ask(i, step, signal);
    this.#print({ kind: "request", step: i, at: now() });
    const { subscribe, publish, data } = step;
    const sent = subscribe === undefined ? this.#bayeux.publish(publish, data) : this.#bayeux.subscribe(subscribe);
    await Promise.race([sent, aborted(signal)]);
    this.#print({ kind: "reply", step: i, at: now() });
  }

  async #ask(i, step, signal) {
    const url = new URL(this.#base + step.path);
    const method = step.method ?? "POST";
    const body = step.body === undefined || method === "GET" ? undefined : JSON.stringify(step.body);
    this.#print({ kind: "request", step: i, at: now() });
    const response = await this.#fetch(url, { method, headers: this.#headers, body, signal });
    const content = await response.text();
    const at = now();
    const csrf = response.headers.get("x-csrf-header");
    if (csrf !== null) this.#headers[csrf] = response.headers.get("x-csrf-token");
    const ack = { kind: "ack", step: i, status: response.status, body: jsonOrText(content) };
    this.#print({ ...ack, headers: Object.fromEntries(response.headers), at });
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

function aborted(signal) {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function within(seconds, promise, message) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new ClientError(message)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
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
