// Two real Bayeux servers behind one shape: attach(httpServer, app), ready(), deliver(agent, channel, data), forget(),
// and onSubscribed(listener), which is told agent and channel of each subscription that they accept.
// What deliver returns resolves when the event is in the queue of its sessions, or in the answer to a poll they hold.
//
// An event of an agent goes to the sessions of that agent and to sessions that never said whose they are;
// an event of nobody (agent null) goes to all.

import cometdServer from "cometd-nodejs-server";
import ackExtension from "cometd-nodejs-server/ack-extension.js";
import faye from "faye";

import { agentOf } from "./agent.js";

export const PREFIX = "/api/v2/notifications";

export function createBayeux(kind, timeoutMs, sessionsPerBrowser) {
  if (kind === "cometd") return new CometdBayeux(timeoutMs, sessionsPerBrowser);
  if (kind === "faye") return new FayeBayeux(timeoutMs);
  throw new Error(`--bayeux must be cometd or faye, not ${kind}`);
}

/** cometd-nodejs-server: hands events to sessions directly, subscribed or not, as GWS does. */
class CometdBayeux {
  #server;
  #agents = new Map(); // session -> agent

  constructor(timeoutMs, sessionsPerBrowser) {
    this.#server = cometdServer.createCometDServer({ timeout: timeoutMs, maxSessionsPerBrowser: sessionsPerBrowser });
    this.#server.addExtension(new ackExtension.AcknowledgedMessagesExtension()); // for clients that ask for it
    this.#server.addListener("sessionAdded", (session) => {
      this.#agents.set(session, agentOf(this.#server.context.request?.headers));
    });
    this.#server.addListener("sessionRemoved", (session) => this.#agents.delete(session));
  }

  attach(httpServer, app) {
    httpServer.on("request", (request, response) => {
      const { pathname } = new URL(request.url, "http://lab.invalid");
      const mine = pathname === PREFIX || pathname.startsWith(`${PREFIX}/`);
      return mine ? this.#server.handle(request, response) : app(request, response);
    });
  }

  async ready() {}

  onSubscribed(listener) {
    this.#server.addListener("subscribed", ({ name }, session) => listener(this.#agents.get(session) ?? null, name));
  }

  deliver(agent, channel, data) {
    for (const [session, owner] of this.#agents) {
      if (agent === null || owner === null || owner === agent) session.deliver(null, channel, data);
    }
  }

  // As its sweeper does it with a session that was silent for too long; it has no public name for that.
  forget() {
    for (const session of [...this.#agents.keys()]) {
      session._scheduler?.cancel();
      this.#server._removeServerSession(session, true);
    }
  }
}

/**
 * Faye can only publish to subscribers, so each agent gets channels of its own: an extension puts
 * a prefix to what the clients of an agent subscribe to, and takes it off again on the way out.
 */
class FayeBayeux {
  #adapter;
  #prefixes = new Set([prefixOf(null)]);
  #clients = new Set();

  constructor(timeoutMs) {
    this.#adapter = new faye.NodeAdapter({ mount: PREFIX, timeout: timeoutMs / 1000 });
    this.#adapter.addExtension({
      incoming: (message, request, callback) => callback(this.#prefixed(message, request)),
      outgoing: (message, request, callback) => callback(withoutPrefix(message, request)),
    });
  }

  attach(httpServer, app) {
    httpServer.on("request", app);
    this.#adapter.attach(httpServer);
  }

  // The first publication shakes hands with the server in the same process; what is published
  // before that is done may leave out of order.
  async ready() {
    await this.#adapter.getClient().publish("/lab/ready", {});
    this.#adapter.on("handshake", (client) => this.#clients.add(client));
    this.#adapter.on("disconnect", (client) => this.#clients.delete(client));
  }

  onSubscribed(listener) {
    this.#adapter.on("subscribe", (_, channel) => {
      const [, agent] = /^\/agent\/x([0-9a-f]*)\//.exec(channel) ?? [];
      const name = agent ? Buffer.from(agent, "hex").toString("utf8") : null;
      listener(name, unprefixed(channel));
    });
  }

  async deliver(agent, channel, data) {
    const prefixes = agent === null ? this.#prefixes : new Set([prefixOf(agent), prefixOf(null)]);
    await Promise.all([...prefixes].map((prefix) => this.#adapter.getClient().publish(prefix + channel, data)));
    // It answers a held poll by a timer of the shortest time; timers of one time go off in the order they were set.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }

  // As it does with a client that was silent for too long; the adapter has no public name for that.
  forget() {
    for (const client of [...this.#clients]) this.#adapter._server._engine.destroyClient(client);
  }

  #prefixed(message, request) {
    if (request === null) return message; // our own publications
    const prefix = prefixOf(agentOf(request.headers));
    this.#prefixes.add(prefix);
    const add = (channel) => (isApplication(channel) ? prefix + channel : channel);
    if (isApplication(message.channel)) message.channel = add(message.channel);
    if (Array.isArray(message.subscription)) message.subscription = message.subscription.map(add);
    else if (message.subscription !== undefined) message.subscription = add(message.subscription);
    return message;
  }
}

function withoutPrefix(message, request) {
  if (request === null) return message;
  message.channel = unprefixed(message.channel);
  if (Array.isArray(message.subscription)) message.subscription = message.subscription.map(unprefixed);
  else if (message.subscription !== undefined) message.subscription = unprefixed(message.subscription);
  return message;
}

function unprefixed(channel) {
  return typeof channel === "string" ? channel.replace(/^\/agent\/x[0-9a-f]*\//, "/") : channel;
}

// Hexadecimal, because user names may hold characters that channel names may not.
function prefixOf(agent) {
  return `/agent/x${Buffer.from(agent ?? "", "utf8").toString("hex")}`;
}

function isApplication(channel) {
  return typeof channel === "string" && channel.startsWith("/") && !/^\/(meta|service)(\/|$)/.test(channel);
}
