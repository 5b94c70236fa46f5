// A desk on CometD's library, which asks by publishes: node service_client.js BASE_URL < {"seed": TEXT}
//
// It prints its verdict. `patience` is how long (in milliseconds) a step waits for its events, `clients` how many there are.

import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import { CometD } from "cometd";
import { adapt } from "cometd-nodejs-client";

import { Cookies, Judge } from "./desk.js";
import { Seeded } from "./seeded.js";

const RESULTS = "/desk/results";
const PRICES = "/desk/prices";
const LINGER_MS = 300;

class Desk {
  #made;
  #cometd = new CometD();
  judge;

  constructor(name, { seed = "1", patience }) {
    this.#made = new Seeded(`${name} ${seed}`);
    this.judge = new Judge(({ item, type }) => item !== undefined && type === undefined, patience);
  }

  async open(url) {
    this.#cometd.configure({ url: `${url}/cometd`, logLevel: "error" });
    this.#cometd.unregisterTransport("websocket");
    const reply = await new Promise((resolve) => this.#cometd.handshake(resolve));
    if (!reply.successful) throw new Error(reply.error);
    for (const channel of [RESULTS, PRICES]) {
      await new Promise((resolve) => this.#cometd.subscribe(channel, (message) => this.judge.receive(message), resolve));
    }
    this.#cometd.addListener("/service/clock", (message) => this.judge.receive(message));
  }

  async work() {
    await this.#quote("tea");
    await this.#report(3);
    await Promise.all([this.#report(1), this.#quote("sugar"), this.#quote("milk")]);
    await this.#ask("/service/clock", {}, [{ channel: "/service/clock", data: { now: "noon" } }]);
    await this.#quote("tea");
  }

  close() {
    return new Promise((resolve) => this.#cometd.disconnect(resolve));
  }

  #quote(item) {
    const requestId = this.#made.uuid();
    return this.#ask("/service/quote", { requestId, item }, [{ channel: RESULTS, data: { type: "quote", requestId, item } }]);
  }

  #report(days) {
    const requestId = this.#made.uuid();
    const told = ["progress", "report"].map((type) => ({ channel: RESULTS, data: { type, requestId } }));
    return this.#ask("/service/report", { requestId, days }, told);
  }

  #ask(channel, data, events) {
    const publish = async () => {
      const reply = await new Promise((resolve) => this.#cometd.publish(channel, data, resolve));
      if (!reply.successful) throw new Error(reply.error);
    };
    return this.judge.step(channel, publish, () => events);
  }
}

const script = JSON.parse(await text(process.stdin));
const jar = new Cookies();
adapt({
  cookies: {
    storeCookie: (_url, header, callback) => callback(null, jar.store(header)),
    retrieveCookies: (_context, _url, callback) => callback(null, [jar.header].filter(Boolean)),
  },
});
const desks = Array.from({ length: script.clients ?? 1 }, (_, place) => new Desk(`desk ${place}`, script));
for (const desk of desks) await desk.open(process.argv[2]);
await Promise.all(desks.map((desk) => desk.work()));
await sleep(LINGER_MS);
for (const desk of desks) process.stdout.write(`${JSON.stringify(desk.judge.verdict())}\n`);
await Promise.all(desks.map((desk) => desk.close()));
process.exit(0);
