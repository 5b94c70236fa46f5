// node node_desk.js eventsource|ws|graphql-ws|@microsoft/signalr BASE_URL < script.json: scripted desks on clients of Node.
//
// The script is {transport, desks: [{agent, prefix, steps, …}]}; see desk.js. The desks play at once.

import { json } from "node:stream/consumers";

import { HttpTransportType, HubConnectionBuilder, LogLevel } from "@microsoft/signalr";
import { EventSource } from "eventsource";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { Cookies } from "../apis/desk.js";
import { Desk, EVENTS, sleep, socketed, sourced } from "./desk.js";

const [library, base] = process.argv.slice(2);
const { transport, desks } = await json(process.stdin);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const ASKED = {
  login: "mutation Login($agent: String!) { login(agent: $agent) { ok } }",
  create: "mutation Create($ref: String!, $item: String!) { create(ref: $ref, item: $item) { ok } }",
  change: "mutation Change($order: Int!, $ref: String!, $note: String!) { change(id: $order, ref: $ref, note: $note) { ok } }",
  remove: "mutation Remove($order: Int!) { remove(id: $order) { ok } }",
  refresh: "mutation Refresh($ref: String!) { refresh(ref: $ref) { ok } }",
  view: "query View($order: Int!) { order(id: $order) { id item } }",
};

let [waiting, go] = [desks.length];
const all = new Promise((resolve) => (go = resolve));
const meet = () => (--waiting === 0 && go(), all);

async function play({ prefix, ...script }) {
  const jar = new Cookies();
  const http = async (path, { method, body }) => {
    const headers = { "Content-Type": "application/json", ...(jar.header && { Cookie: jar.header }) };
    const response = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
    for (const cookie of response.headers.getSetCookie()) jar.store(cookie);
    return { status: response.status, body: await response.json() };
  };
  const streams = {
    eventsource: (receive) =>
      sourced(receive, () => {
        const withCookies = (url, init) => fetch(url, { ...init, headers: { ...init.headers, Cookie: jar.header } });
        return new EventSource(`${base}/events`, { fetch: withCookies });
      }),
    ws: (receive) => {
      const rpc = transport === "rpc";
      const to = base.replace("http", "ws");
      return socketed(
        receive,
        (after) => {
          const query = new URLSearchParams({ ...(rpc && { agent: script.agent, key: `${prefix}key` }), ...(after && { after }) });
          const path = [rpc ? "/rpc" : "/socket", query].join(query.size > 0 ? "?" : "");
          return new WebSocket(to + path, rpc ? ["jsonrpc.v2"] : ["orders.v2", "orders.v1"], { headers: { Cookie: jar.header } });
        },
        { rpc: rpc && `${prefix}q` },
      );
    },
    "graphql-ws": (receive) => subscribed(receive, jar, http),
    "@microsoft/signalr": (receive) => connected(receive, new URLSearchParams({ agent: script.agent, key: `${prefix}key` })),
  };
  await new Desk(script, { print, http, stream: streams[library], meet }).play();
}

function subscribed(receive, jar, http) {
  class WithCookies extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { headers: { Cookie: jar.header } });
    }
  }
  let [client, last, over] = [undefined, null, false];
  return {
    open() {
      client = createClient({
        url: `${base.replace("http", "ws")}/graphql`,
        webSocketImpl: WithCookies,
        lazy: false,
        retryWait: () => sleep(150),
        shouldRetry: () => true,
        on: {
          closed: ({ code, reason }) => over || receive({ channel: "closed", data: { code, reason } }),
        },
      });
      const query = "subscription Told($after: Int) { told(after: $after) { seq type data } }";
      // The client subscribes again by itself, with what `variables` says then.
      client.subscribe(
        {
          query,
          get variables() {
            return { after: last };
          },
        },
        {
          next: ({ data: { told } }) => {
            last = told.seq;
            receive({ channel: told.type, data: told.data });
          },
          error: (error) => over || process.stderr.write(`${error.message ?? JSON.stringify(error)}\n`),
          complete: () => {},
        },
      );
    },
    async ask(name, variables) {
      const operationName = /\w+ (\w+)/.exec(ASKED[name])[1];
      const answer = await http("/graphql", { method: "POST", body: { operationName, query: ASKED[name], variables } });
      return { status: answer.body.errors ? 400 : 200, body: answer.body };
    },
    async close() {
      over = true;
      await client?.dispose();
    },
  };
}

function connected(receive, query) {
  const connection = new HubConnectionBuilder()
    .withUrl(`${base}/hub?${query}`, { transport: HttpTransportType.WebSockets, skipNegotiation: true })
    .withAutomaticReconnect(Array(20).fill(150))
    .configureLogging(LogLevel.None)
    .build();
  for (const type of EVENTS) connection.on(type, (data) => receive({ channel: type, data }));
  connection.onreconnecting(() => receive({ channel: "closed", data: {} }));
  return {
    open: () => connection.start(),
    ask: async (name, params) => ({ status: 200, body: await connection.invoke(name, params) }),
    close: () => connection.stop(),
  };
}

try {
  await Promise.all(desks.map(play));
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}
