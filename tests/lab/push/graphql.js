// node graphql.js --log FILE [--port 0]: orders by GraphQL, queries and mutations over HTTP, subscriptions by graphql-ws.
//
// What is told is on `subscription { told(after: N) {seq type data} }`; the data is JSON in a string.

import { createServer } from "node:http";
import { json } from "node:stream/consumers";

import { buildSchema, graphql } from "graphql";
import { useServer } from "graphql-ws/lib/use/ws";
import { WebSocketServer } from "ws";

import { Orders, keyOf, listen, options } from "./orders.js";

const SCHEMA = buildSchema(`
  scalar JSON
  type Ok { ok: Boolean! }
  type Order { id: Int! item: String! }
  type Told { seq: Int! type: String! data: JSON! }
  type Query { order(id: Int!): Order }
  type Mutation {
    login(agent: String!): Ok
    create(ref: String!, item: String!): Ok
    change(id: Int!, ref: String!, note: String!): Ok
    remove(id: Int!): Ok
    refresh(ref: String!): Ok
  }
  type Subscription { told(after: Int): Told }
`);
const { log, port } = options();
const orders = new Orders(log);

/** Ask as by REST; the answer is sent as soon as `done` resolves, and the rest goes on. */
function ask(context, method, path, body = null) {
  return new Promise((resolve, reject) => {
    const send = ({ status, body: content, key }) => {
      if (key !== undefined) context.key = key;
      if (status >= 400) reject(new Error(content.error));
      else resolve(content);
      return context.answered;
    };
    orders.request(context.desk, method, path, body, send, context.asked);
  });
}

const root = {
  login: (body, context) => ask(context, "POST", "/login", body),
  create: (body, context) => ask(context, "POST", "/orders", body),
  change: ({ id, ...body }, context) => ask(context, "PATCH", `/orders/${id}`, body),
  remove: ({ id }, context) => ask(context, "DELETE", `/orders/${id}`),
  refresh: (body, context) => ask(context, "POST", "/refresh", body),
  order: async ({ id }, context) => (await ask(context, "GET", `/orders/${id}`)).order,
};

async function* told({ after }, { extra: { desk, socket } }) {
  const queue = [];
  let wake = () => {};
  const stop = desk.listen(orders.opened(desk, after ?? null), {
    tell: (one) => wake(queue.push(one)),
    cut: () => socket.close(1012, "service restart"),
  });
  try {
    for (;;) {
      while (queue.length > 0) yield { told: queue.shift() };
      await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    stop();
  }
}
SCHEMA.getSubscriptionType().getFields().told.subscribe = (_, args, context) => told(args, context);

const server = createServer(async (request, response) => {
  const body = await json(request);
  let done;
  const answered = new Promise((resolve) => (done = resolve));
  const asked = { method: "POST", path: "/graphql", body };
  const contextValue = { desk: orders.desk(keyOf(request.headers)), asked, answered };
  const { query: source, variables: variableValues } = body;
  const result = await graphql({ schema: SCHEMA, source, variableValues, rootValue: root, contextValue });
  const { key } = contextValue;
  const cookie = key === undefined ? {} : { "Set-Cookie": `desk=${key}; Path=/; HttpOnly; SameSite=Lax` };
  response.writeHead(200, { "Content-Type": "application/json", ...cookie });
  response.end(JSON.stringify(result), done);
});
useServer(
  {
    schema: SCHEMA,
    context: (context) => context,
    onConnect: ({ extra }) => {
      extra.desk = orders.desk(keyOf(extra.request.headers));
      return extra.desk !== undefined;
    },
  },
  new WebSocketServer({ server, path: "/graphql" }),
  1000,
);
listen(server, port);
