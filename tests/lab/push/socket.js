// node socket.js --log FILE [--port 0]: orders over REST, told on a WebSocket by `ws`.
//
// The socket is /socket, or /socket?after=N when it is opened again. A client says {"type": "subscribe", "topics": […]}
// first. What is told is {"type", "seq", …}; behind `packed` comes the label that is to be printed, as a binary message.

import { createServer } from "node:http";
import { json } from "node:stream/consumers";

import { WebSocketServer } from "ws";

import { BEAT_MS, Orders, answerTo, keyOf, listen, options } from "./orders.js";

const { log, port } = options();
const orders = new Orders(log);

const server = createServer(async (request, response) => {
  const body = ["POST", "PATCH"].includes(request.method) ? await json(request) : null;
  await answerTo(orders, request, response, body);
});
const sockets = new WebSocketServer({
  server,
  path: "/socket",
  handleProtocols: (offered) => (offered.has("orders.v1") ? "orders.v1" : false),
});

sockets.on("connection", (socket, request) => {
  const desk = orders.desk(keyOf(request.headers));
  if (desk === undefined) return socket.close(4401, "nobody has logged in");
  const after = new URL(request.url, "http://lab.invalid").searchParams.get("after");
  let stop = () => {};
  const send = (message) => socket.send(JSON.stringify(message));
  const tell = ({ seq, type, data }) => {
    send({ type, seq, ...data });
    if (type === "packed") socket.send(Buffer.from(`\x00\xff${data.label}`, "latin1"));
  };
  const cut = () => socket.close(1012, "service restart");
  const beat = setInterval(() => {
    send({ type: "beat" });
    socket.ping();
  }, BEAT_MS);
  socket.on("message", (content) => {
    const message = JSON.parse(content);
    if (message.type !== "subscribe") return;
    send({ type: "subscribed", topics: message.topics });
    stop = desk.listen(orders.opened(desk, after === null ? null : Number(after)), { tell, cut });
  });
  socket.on("close", () => {
    clearInterval(beat);
    stop();
  });
});
listen(server, port);
