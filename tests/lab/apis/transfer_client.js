// Two agents who pass a call to each other and back: node transfer_client.js BASE_URL < {"patience": 3000, "think": 0}
//
// ann speaks Bayeux by CometD's library, bob by Faye's. Each prints its verdict.

import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import { Cookies, Judge } from "./desk.js";
import { onCometD, onFaye } from "./wires.js";

const base = process.argv[2];
const { patience, think = 0 } = JSON.parse(await text(process.stdin));

class Agent {
  #cookies = new Cookies();
  #close;
  judge = new Judge(() => false, patience);

  constructor(name) {
    this.name = name;
  }

  async open(connect) {
    await this.#step("POST", "/desk/login", { user: this.name, password: "secret" }, []);
    this.#close = await connect(`${base}/push`, this.#cookies, ["/calls"], (message) => this.judge.receive(message));
  }

  async dial(to) {
    return (await this.#step("POST", "/calls", { to }, ["CallConnected"])).body.call;
  }

  /** Pass a call to another, whose desk answers as soon as it rings there. */
  async transfer(call, other) {
    await this.#step("POST", `/calls/${call}/transfer`, { to: other.name }, []);
    const { connection } = await other.heard("Ringing", { call });
    await other.#step("POST", `/connections/${connection}/answer`, {}, ["Answered"]);
    await this.heard("Transferred", { connection });
  }

  end(call) {
    return this.#step("POST", `/calls/${call}/end`, {}, ["CallEnded"]);
  }

  close() {
    return this.#close();
  }

  async heard(type, { call, connection }) {
    for (;;) {
      const found = this.judge.find(
        (data) => data.type === type && (call === undefined ? data.connection === connection : data.call === call),
      );
      if (found !== undefined) return found;
      await sleep(10);
    }
  }

  async #step(method, path, body, types) {
    await sleep(think * 1000);
    const expect = () => types.map((type) => ({ channel: "/calls", data: { type } }));
    return this.judge.step(path, () => this.#ask(method, path, body), expect, ({ status }) => status < 300);
  }

  async #ask(method, path, body) {
    const headers = { "Content-Type": "application/json", ...(this.#cookies.header ? { Cookie: this.#cookies.header } : {}) };
    const response = await fetch(base + path, { method, headers, body: JSON.stringify(body) });
    for (const header of response.headers.getSetCookie()) this.#cookies.store(header);
    return { status: response.status, body: await response.json() };
  }
}

const [ann, bob] = [new Agent("ann"), new Agent("bob")];
await ann.open(onCometD);
await bob.open(onFaye);
const call = await ann.dial("555-0100");
await ann.transfer(call, bob);
const other = await ann.dial("555-0101");
await bob.transfer(call, ann);
await ann.transfer(other, bob);
await ann.end(call);
await bob.end(other);
await sleep(100);
for (const { judge } of [ann, bob]) {
  const { doubled, told, ...verdict } = judge.verdict();
  process.stdout.write(`${JSON.stringify({ ...verdict, doubled: doubled - told.doubled.filter(isOfOther).length })}\n`);
}
for (const agent of [ann, bob]) await agent.close();
process.exit(0);

// What the step of the other agent causes here is waited for by hand.
function isOfOther({ data }) {
  return ["Ringing", "Transferred"].includes(data.type);
}
