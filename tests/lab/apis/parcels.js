// A made-up API: orders of a warehouse, packed into parcels. It has on purpose what makes traffic hard to explain.
//
// - uuids that the client makes (`requestId`, ids of items, `ref` of commands), numbers that the server makes (orders,
//   known by the answer alone) and that are the same as those of other things (customer 17, order 17)
// - an id in the header Location alone (labels), one in the channel of its events (jobs), ids in a list (items)
// - operations named by method and path, and some by a field of the body (/commands)
// - events that share nothing with their request (the desk pauses), an error after a good answer, events before the
//   answer, events of others that look like those of an operation, a heartbeat, fields that are the same in all

import { Seeded } from "./seeded.js";

const ROOT = "/api/v1";
const TENANT = { tenant: "north", depot: "D4" };
const ANSWERS = { HoldOrder: "OrderHeld", ReleaseOrder: "OrderReleased", NoteOrder: "OrderNoted" };
const PAUSES = { pause: "DeskPaused", resume: "DeskResumed" };
const MIDNIGHT = Date.UTC(2026, 2, 1);
const OTHERS = 300; // orders of other desks

export class Parcels {
  prefix = "/push";
  beat = { ms: 700, event: () => ({ channel: "/heartbeat", data: { beat: ++this.#beats, ...TENANT } }) };
  #made;
  #users = new Map(); // session -> user
  #tokens = new Map(); // session -> token
  #orders = new Map(); // id -> {customer, items, isPacked}
  #lastOrder = 16;
  #others = OTHERS;
  #beats = 0;
  #count = 0;
  #created = 0;
  #labels = 0;

  constructor(seed) {
    this.#made = new Seeded(`server ${seed}`);
  }

  agentOf({ cookie = "" }) {
    return this.#users.get(sessionOf(cookie));
  }

  answer(request) {
    const { method, path, headers, body } = request;
    if (method === "POST" && path === "/auth/session") return this.#signIn(body);
    if (request.agent === null) return failed(401, "not-signed-in");
    if (method !== "GET" && headers["x-parcels-token"] !== this.#tokens.get(sessionOf(headers.cookie ?? ""))) {
      return failed(403, "no-token");
    }
    const [kind, id, action] = path.slice(ROOT.length + 1).split("/");
    const act = this.#acts[`${method} ${[kind, id && "*", action].filter(Boolean).join("/")}`];
    return act === undefined ? failed(404, "not-found") : act({ ...request, id, body: body ?? {} });
  }

  #acts = {
    "GET me": ({ agent }) => ({ status: 200, body: { user: agent, ...TENANT } }),
    "GET orders/*": ({ id }) => this.#of(id, (order) => ({ status: 200, body: { order: { id: Number(id), ...order } } })),
    "GET customers/*": ({ id }) => ({ status: 200, body: { customer: { id: Number(id), tier: "plain" }, ...TENANT } }),
    "POST orders": (request) => this.#create(request),
    "PATCH orders/*/items": ({ id, body }) => this.#of(id, (order) => this.#change(Number(id), order, body)),
    "POST orders/*/pack": ({ id, agent }) => this.#of(id, (order) => this.#pack(Number(id), order, agent)),
    "PUT customers/*": ({ id, body }) => this.#customer(Number(id), body),
    "POST labels": () => this.#label(),
    "POST jobs": ({ body }) => this.#job(body),
    "POST commands": ({ body }) => this.#command(body),
    "POST desk/*": ({ id, agent }) => this.#desk(id, agent),
  };

  #signIn({ user }) {
    const [session, token] = [this.#made.hex(32), this.#made.hex(24)];
    this.#users.set(session, user);
    this.#tokens.set(session, token);
    const headers = { "Set-Cookie": `PDSESSION=${session}; Path=/; HttpOnly` };
    return { status: 200, headers, body: { token, ...TENANT } };
  }

  #of(id, act) {
    const order = this.#orders.get(Number(id));
    return order === undefined ? failed(404, "no-such-order") : act(order);
  }

  // The answer alone says which number an order got; of each third one, an event is there before it.
  #create({ body, agent }) {
    const { requestId, customer, order } = body;
    const id = ++this.#lastOrder;
    const items = order.items;
    this.#orders.set(id, { customer, items, isPacked: false, revision: 1 });
    const accepted = this.#event("/orders", "OrderAccepted", { requestId, order: { id, customer, items } });
    const isEarly = ++this.#created % 3 === 0;
    const reserved = items.map((item) => this.#event("/orders", "ItemReserved", { item: { id: item.id, shelf: "S7" } }, 12));
    const priced = this.#event("/orders", "OrderPriced", { order: { id, total: 10 * items.length } }, 30);
    const others = this.#created % 2 === 0 ? [this.#ofOthers(agent)] : [];
    return {
      status: 202,
      body: { accepted: true, order: { id, customer } },
      before: isEarly ? [accepted] : [],
      after: [...(isEarly ? [] : [{ ...accepted, wait: 20 }]), ...others, ...reserved, priced],
    };
  }

  #ofOthers(to) {
    const order = { id: ++this.#others, customer: 17, items: [{ id: this.#made.uuid(), sku: "sku-9", quantity: 1 }] };
    return this.#unasked("/orders", "OrderAccepted", { requestId: this.#made.uuid(), order }, to);
  }

  #change(id, order, { items }) {
    order.revision++;
    const changed = items.map((item) => this.#event("/orders", "ItemChanged", { item }, 12));
    const revised = this.#event("/orders", "OrderRevised", { order: { id, revision: order.revision } }, 15);
    return { status: 200, body: { revision: order.revision }, after: [...changed, revised] };
  }

  #pack(id, order, agent) {
    if (order.isPacked) return failed(409, "packed-already");
    order.isPacked = true;
    const like = this.#unasked("/orders", "OrderPacked", { order: { id: ++this.#others, parcels: 1 } }, agent, 10);
    if (order.items.some((item) => item.sku === "sku-0")) {
      const problem = this.#event("/orders", "Problem", { code: "no-stock", order: { id } }, 25);
      return { status: 202, body: { accepted: true }, after: [problem] };
    }
    const packed = this.#event("/orders", "OrderPacked", { order: { id, parcels: 1 } }, 25);
    const shipped = this.#unasked("/orders", "OrderShipped", { order: { id }, carrier: "C1" }, agent, 220);
    return { status: 202, body: { accepted: true }, after: [like, packed, shipped] };
  }

  #customer(id, { tier }) {
    const like = this.#unasked("/customers", "CustomerChanged", { customer: { id: id + 1, tier: "plain" } }, null, 8);
    const changed = this.#event("/customers", "CustomerChanged", { customer: { id, tier } }, 15);
    return { status: 200, body: { customer: { id, tier } }, after: [like, changed] };
  }

  #label() {
    const label = `LB-${this.#made.hex(8)}`;
    const printed = this.#event("/labels", "LabelPrinted", { label, copies: 1 });
    const isEarly = ++this.#labels % 4 === 0;
    return {
      status: 201,
      headers: { Location: `${ROOT}/labels/${label}` },
      before: isEarly ? [printed] : [],
      after: isEarly ? [] : [{ ...printed, wait: 20 }],
    };
  }

  #job({ kind }) {
    const job = `j-${this.#made.hex(6)}`;
    const progress = this.#event(`/topic/jobs/${job}`, "JobProgress", { percent: 50 }, 15);
    const done = this.#event(`/topic/jobs/${job}`, "JobDone", { pages: 2 }, 90);
    return { status: 202, body: { job: { id: job, kind } }, after: [progress, done] };
  }

  #command({ command, ref }) {
    const type = ANSWERS[command];
    if (type === undefined) return failed(422, "no-such-command");
    return { status: 200, body: { ok: true }, after: [this.#event("/orders", type, { ref }, 20)] };
  }

  #desk(action, agent) {
    const type = PAUSES[action];
    if (type === undefined) return failed(404, "not-found");
    const told = action === "resume" ? [this.#unasked("/desk", "DeskPaused", { by: "supervisor" }, agent, 250)] : [];
    return { status: 204, after: [this.#event("/desk", type, {}, 20), ...told] };
  }

  #event(channel, type, data, wait = 0) {
    const volatile = { at: new Date(MIDNIGHT + 1000 * ++this.#count).toISOString(), serial: 40_000 + this.#count };
    return { channel, data: { type, ...TENANT, ...data, ...volatile }, wait };
  }

  #unasked(channel, type, data, to, wait = 0) {
    return { ...this.#event(channel, type, data, wait), to, unasked: true };
  }
}

function sessionOf(cookie) {
  return /(?:^|;\s*)PDSESSION=([^;]+)/.exec(cookie)?.[1];
}

function failed(status, error) {
  return { status, body: { error, ...TENANT } };
}
