// Two agents who depend on each other: one transfers a call, which rings at the other, who answers the connection that
// the ringing event names. All ids are the server's. The log says `mistake` for an id that does not fit, or comes too early.

import { Seeded } from "./seeded.js";

const COOKIE = "DESK";

export class Transfer {
  prefix = "/push";
  #made;
  #users = new Map(); // session -> user
  #calls = new Map(); // id -> owner, null while it rings
  #ringing = new Map(); // connection -> {call, at, by}

  constructor(seed) {
    this.#made = new Seeded(`transfer ${seed}`);
  }

  agentOf({ cookie = "" }) {
    const [, session] = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]+)`).exec(cookie) ?? [];
    return this.#users.get(session);
  }

  answer({ method, path, body, agent }) {
    if (method === "POST" && path === "/desk/login") return this.#login(body);
    if (agent === null) return failed("nobody is signed in", 401);
    const [, kind, id, action] = path.split("/");
    if (method === "POST" && kind === "calls" && id === undefined) return this.#dial(agent, body);
    if (method === "POST" && kind === "calls" && action === "transfer") return this.#transfer(agent, id, body);
    if (method === "POST" && kind === "calls" && action === "end") return this.#end(agent, id);
    if (method === "POST" && kind === "connections" && action === "answer") return this.#answer(agent, id);
    return failed(`${method} ${path}`, 404);
  }

  #login({ user }) {
    const session = this.#made.hex(24);
    this.#users.set(session, user);
    return { status: 200, headers: { "Set-Cookie": `${COOKIE}=${session}; Path=/; HttpOnly` }, body: { user } };
  }

  #dial(agent, { to }) {
    const call = `call-${this.#made.hex(10)}`;
    this.#calls.set(call, agent);
    return { status: 201, body: { call }, after: [event("CallConnected", { call, to }, agent)] };
  }

  #transfer(agent, call, { to }) {
    if (this.#calls.get(call) !== agent) return failed(`${agent} transfers ${call}, which is not theirs`);
    const connection = this.#made.uuid();
    this.#calls.set(call, null);
    this.#ringing.set(connection, { call, at: to, by: agent });
    return { status: 202, body: { ok: true }, after: [event("Ringing", { call, connection, by: agent }, to)] };
  }

  #answer(agent, connection) {
    const { call, at, by } = this.#ringing.get(connection) ?? {};
    if (at !== agent) return failed(`${agent} answers ${connection}, which does not ring there`);
    this.#ringing.delete(connection);
    this.#calls.set(call, agent);
    const events = [event("Answered", { connection }, agent), event("Transferred", { connection, to: agent }, by)];
    return { status: 200, body: { ok: true }, after: events };
  }

  #end(agent, call) {
    if (this.#calls.get(call) !== agent) return failed(`${agent} ends ${call}, which is not theirs`);
    this.#calls.delete(call);
    return { status: 200, body: { ok: true }, after: [event("CallEnded", { call }, agent)] };
  }
}

function event(type, data, to) {
  return { channel: "/calls", data: { type, ...data }, wait: 25, to };
}

function failed(mistake, status = 409) {
  return { status, body: { error: "refused" }, mistake };
}
