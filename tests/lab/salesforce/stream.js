// The Streaming API at /cometd/NN.0: a Bayeux server that asks for a token, and its extension for replay ids.

import cometdServer from "cometd-nodejs-server";

export const PREFIX = "/cometd/";
const DENIED = { reconnect: "none" };

export class Stream {
  #server;
  #sessions = new Set();

  /** `retained(channel, replayId)` gives the events that a late subscriber asks for. */
  constructor(timeoutMs, retained) {
    this.#server = cometdServer.createCometDServer({ timeout: timeoutMs, maxSessionsPerBrowser: -1 });
    this.#server.addListener("sessionAdded", (session) => this.#sessions.add(session));
    this.#server.addListener("sessionRemoved", (session) => this.#sessions.delete(session));
    this.#server.addExtension(new ReplayExtension(retained));
  }

  handle(request, response) {
    this.#server.handle(request, response);
  }

  /** Every session that subscribed to the channel hears it, whoever caused it. */
  publish(channel, data) {
    this.#server.getServerChannel(channel)?.publish(null, data);
  }

  // As its sweeper does it with a session that was silent for too long; it has no public name for that.
  forget() {
    for (const session of [...this.#sessions]) {
      session._scheduler?.cancel();
      this.#server._removeServerSession(session, true);
    }
  }
}

/** The replies to messages that came without a token which is known. */
export function denials(messages) {
  return messages.map(({ channel, id }) => {
    const reply = { channel, id, successful: false, error: "401::Authentication invalid", advice: DENIED };
    if (channel !== "/meta/handshake") return reply;
    const ext = { sfdc: { failureReason: reply.error }, replay: true };
    return { ...reply, error: "403::Handshake denied", ext };
  });
}

/** Clients send replay ids only if the handshake reply says that the server knows them. */
class ReplayExtension {
  #retained;
  #wanted = new WeakMap(); // session -> replay ids by channel

  constructor(retained) {
    this.#retained = retained;
  }

  incoming(_server, session, message, callback) {
    if (message.channel === "/meta/subscribe") this.#wanted.set(session, message.ext?.replay ?? {});
    callback(null, true);
  }

  outgoing(_server, _sender, session, message, callback) {
    if (message.channel === "/meta/handshake") message.ext = { replay: true, "payload.format": true };
    if (message.channel === "/meta/subscribe" && message.successful) {
      const wanted = Object.entries(this.#wanted.get(session) ?? {});
      // After the reply: a client library drops what comes on a channel that it has not subscribed to yet.
      setTimeout(() => wanted.forEach(([channel, replayId]) => this.#replay(session, channel, replayId)), 10);
    }
    callback(null, true);
  }

  #replay(session, channel, replayId) {
    for (const data of this.#retained(channel, replayId)) session.deliver(null, channel, data);
  }
}
