// Two desks at once: node parcels_client.js BASE_URL < {"seed": TEXT, "desks": ["ann", "bob"], "think": SECONDS}
//
// The one speaks Bayeux by CometD's library, the other by Faye's. Each prints its verdict. `patience` is how long (in
// milliseconds) a step waits for its events.

import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import { Cookies, Judge } from "./desk.js";
import { Seeded } from "./seeded.js";
import { onCometD, onFaye } from "./wires.js";

const CHANNELS = ["/orders", "/customers", "/labels", "/desk", "/heartbeat", "/topic/jobs/*"];
const LINGER_MS = 900;

class Desk {
  #base;
  #user;
  #made;
  #think;
  #customers; // numbers of this desk's customers, from 17 or so, as the numbers of orders
  #cookies = new Cookies();
  #headers = { "Content-Type": "application/json" };
  judge;

  constructor(base, user, { seed = "1", think = 0, patience }, place) {
    this.judge = new Judge(isUnasked, patience);
    this.#base = base;
    this.#user = user;
    this.#made = new Seeded(`${user} ${seed}`);
    this.#think = think;
    this.#customers = [17 + 10 * place, 19 + 10 * place];
  }

  async open(connect) {
    const { body } = await this.#step("sign in", "POST", "/auth/session", { user: this.#user, password: "secret" });
    this.#headers["X-Parcels-Token"] = body.token;
    await this.#step("me", "GET", "/api/v1/me");
    this.close = await connect(`${this.#base}/push`, this.#cookies, CHANNELS, (message) => {
      if (message.channel !== "/heartbeat") this.judge.receive(message);
    });
  }

  async work() {
    const [first, second] = this.#customers;
    const order = await this.#create(first, ["sku-1", "sku-2"]);
    await this.#customer(first, "gold");
    await this.#change(order, 3);
    await this.#label(order);
    await this.#pause("pause");
    await this.#step("look", "GET", `/api/v1/orders/${order.id}`);
    await this.#pause("resume");
    const [one, other] = await Promise.all([this.#create(second, ["sku-3"]), this.#create(first, ["sku-0", "sku-4"])]);
    await this.#command("HoldOrder", one);
    await Promise.all([this.#command("NoteOrder", other), this.#command("NoteOrder", one)]);
    await this.#job("manifest");
    await this.#command("ReleaseOrder", one);
    await this.#pack(order);
    await this.#step("pack again", "POST", `/api/v1/orders/${order.id}/pack`, {});
    await Promise.all([this.#pack(one), this.#change(other, 2)]);
    await this.#pack(other, true);
    await Promise.all([this.#job("manifest"), this.#job("invoice"), this.#label(one)]);
    await this.#customer(second, "gold");
    await this.#step("whose", "GET", `/api/v1/customers/${second}`);
    const last = await this.#create(second, ["sku-5", "sku-6", "sku-7"]);
    await this.#change(last, 4);
    await this.#customer(first, "plain");
    await this.#label(last);
    await this.#command("HoldOrder", last);
    await this.#command("NoteOrder", last);
    await this.#command("ReleaseOrder", last);
    await this.#pause("pause");
    await this.#label(other);
    await this.#pause("resume");
    await this.#pack(last);
  }

  async #create(customer, skus) {
    const requestId = this.#made.uuid();
    const items = skus.map((sku) => ({ id: this.#made.uuid(), sku, quantity: 1 }));
    const expect = ({ body }) => [
      orders("OrderAccepted", { requestId, order: { id: body.order.id, customer, items } }),
      ...items.map(({ id }) => orders("ItemReserved", { item: { id } })),
      orders("OrderPriced", { order: { id: body.order.id } }),
    ];
    const right = ({ body }) => body.order.customer === customer;
    const sent = { requestId, customer, order: { items } };
    const { body } = await this.#step("create", "POST", "/api/v1/orders", sent, expect, right);
    return { id: body.order.id, items };
  }

  #change({ id, items }, quantity) {
    const changed = items.map((item) => ({ id: item.id, quantity }));
    const expect = ({ body }) => [
      ...changed.map((item) => orders("ItemChanged", { item })),
      orders("OrderRevised", { order: { id, revision: body.revision } }),
    ];
    return this.#step("change", "PATCH", `/api/v1/orders/${id}/items`, { items: changed }, expect);
  }

  #pack({ id }, fails = false) {
    const expect = () => [fails ? orders("Problem", { order: { id } }) : orders("OrderPacked", { order: { id } })];
    return this.#step("pack", "POST", `/api/v1/orders/${id}/pack`, {}, expect);
  }

  #customer(id, tier) {
    const expect = () => [{ channel: "/customers", data: { type: "CustomerChanged", customer: { id, tier } } }];
    const right = ({ body }) => body.customer.id === id;
    return this.#step("customer", "PUT", `/api/v1/customers/${id}`, { tier }, expect, right);
  }

  #label({ id }) {
    const expect = ({ headers }) => {
      const label = headers.get("location").split("/").pop();
      return [{ channel: "/labels", data: { type: "LabelPrinted", label } }];
    };
    return this.#step("label", "POST", "/api/v1/labels", { order: { id }, format: "A6" }, expect);
  }

  #job(kind) {
    const expect = ({ body }) =>
      ["JobProgress", "JobDone"].map((type) => ({ channel: `/topic/jobs/${body.job.id}`, data: { type } }));
    return this.#step("job", "POST", "/api/v1/jobs", { kind, depot: "D4" }, expect);
  }

  #command(command, { id }) {
    const [ref, type] = [this.#made.uuid(), { HoldOrder: "OrderHeld", ReleaseOrder: "OrderReleased" }[command]];
    const expect = () => [orders(type ?? "OrderNoted", { ref })];
    return this.#step(command, "POST", "/api/v1/commands", { command, ref, order: { id } }, expect);
  }

  #pause(action) {
    const data = { type: action === "pause" ? "DeskPaused" : "DeskResumed" };
    return this.#step(action, "POST", `/api/v1/desk/${action}`, {}, () => [{ channel: "/desk", data }]);
  }

  async #step(name, method, path, body, expect, right) {
    await sleep(this.#think * 1000);
    return this.judge.step(name, () => this.#ask(method, path, body), expect, right);
  }

  async #ask(method, path, body) {
    const headers = { ...this.#headers, ...(this.#cookies.header ? { Cookie: this.#cookies.header } : {}) };
    const response = await fetch(this.#base + path, { method, headers, body: body && JSON.stringify(body) });
    for (const header of response.headers.getSetCookie()) this.#cookies.store(header);
    const content = await response.text();
    return { status: response.status, headers: response.headers, body: content === "" ? null : JSON.parse(content) };
  }
}

// Orders from 300 on are those of other desks, customers of even numbers their customers.
function isUnasked({ type, by, order, customer }) {
  return type === "OrderShipped" || by === "supervisor" || order?.id > 300 || customer?.id % 2 === 0;
}

function orders(type, data) {
  return { channel: "/orders", data: { type, ...data } };
}

const script = JSON.parse(await text(process.stdin));
const { desks = ["ann", "bob"] } = script;
const opened = [];
for (const [place, user] of desks.entries()) {
  const desk = new Desk(process.argv[2], user, script, place);
  await desk.open(user === "ann" ? onCometD : onFaye);
  opened.push(desk);
}
await Promise.all(opened.map((desk, place) => sleep(40 * place).then(() => desk.work())));
await sleep(LINGER_MS);
for (const desk of opened) process.stdout.write(`${JSON.stringify(desk.judge.verdict())}\n`);
for (const desk of opened) await desk.close();
process.exit(0);
