// node hub.js --log FILE [--port 0]: orders on a hub as SignalR has them, its JSON protocol on a WebSocket by `ws`.
//
// The socket is /hub?agent=NAME&key=KEY. Messages are JSON, each with the character 0x1E behind it; several may stand in
// one frame. A client invokes `create`, `change` …, and the server invokes `accepted`, `packed` … on it. The protocol is
// written by hand after its specification, since there is no server of SignalR on Node; its client is the real one.

import { createServer } from "node:http";

import { WebSocketServer } from "ws";

import { BEAT_MS, Orders, listen, options } from "./orders.js";

const END = "\x1e";
const [INVOCATION, COMPLETION, PING, CLOSE] = [1, 3, 6, 7];
const ASKED = {
  create: ({ ref, item }) => ["POST", "/orders", { ref, item }],
  change: ({ order, ref, note }) => ["PATCH", `/orders/${order}`, { ref, note }],
  view: ({ order }) => ["GET", `/orders/${order}`],
  remove: ({ order }) => ["DELETE", `/orders/${order}`],
  refresh: ({ ref }) => ["POST", "/refresh", { ref }],
};

const { log, port } = options();
const orders = new Orders(log);
const heard = new Map(); // key -> number of the last event that was sent

const server = createServer((_, response) => response.writeHead(404).end());
new WebSocketServer({ server, path: "/hub" }).on("connection", (socket, request) => {
  const query = new URL(request.url, "http://lab.invalid").searchParams;
  const [agent, key] = [query.get("agent"), query.get("key")];
  const desk = orders.desk(key) ?? orders.desk(orders.enter(agent, key));
  const send = (message) => socket.send(JSON.stringify(message) + END);
  let stop = () => {};

  const shakesHands = () => {
    socket.send(`{}${END}`);
    stop = desk.listen(orders.opened(desk, heard.get(key) ?? null), {
      tell: ({ seq, type, data }) => {
        heard.set(key, seq);
        send({ type: INVOCATION, target: type, arguments: [data] });
      },
      cut: () => {
        send({ type: CLOSE, allowReconnect: true });
        socket.close(1000);
      },
    });
  };
  const invoked = async ({ invocationId, target, arguments: [given] }) => {
    const asked = { method: "MESSAGE", path: target, body: { type: INVOCATION, target, invocationId, arguments: [given] } };
    const answer = ({ body }) => send({ type: COMPLETION, invocationId, result: body });
    const [method, path, body = null] = ASKED[target](given);
    await orders.request(desk, method, path, body, answer, asked);
  };

  const beat = setInterval(() => send({ type: PING }), BEAT_MS);
  socket.on("message", (frame) => {
    for (const text of frame.toString().split(END).slice(0, -1)) {
      const message = JSON.parse(text);
      if ("protocol" in message) shakesHands();
      else if (message.type === INVOCATION) invoked(message);
    }
  });
  socket.on("close", () => {
    clearInterval(beat);
    stop();
  });
});
listen(server, port);
