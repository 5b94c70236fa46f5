// The Bayeux side of a desktop on CometD's JavaScript library; its API is the same from 3.1 to 9.

import { ClientError } from "./desktop.js";

export class OnCometD {
  #cometd;
  #channels = [];

  constructor({ CometD, AckExtension }, { url, script, transport, headers, receive }) {
    this.#cometd = new CometD();
    for (const other of this.#cometd.getTransportTypes()) {
      if (other !== transport) this.#cometd.unregisterTransport(other);
    }
    if (script.ack) this.#cometd.registerExtension("ack", new AckExtension());
    this.#cometd.configure({ url, requestHeaders: headers });
    // A local listener, not the subscriptions: an event that two of them match is still one event,
    // and GWS delivers on channels nobody subscribed to.
    this.#cometd.addListener("/**", (message) => {
      // the reply to a publish has its channel too
      if (!message.channel.startsWith("/meta/") && message.successful === undefined) receive(message);
    });
  }

  start(channels) {
    return new Promise((resolve, reject) => {
      // Subscriptions die with the session, so each handshake, also one after a restart, renews them.
      this.#cometd.addListener("/meta/handshake", (reply) => {
        if (!reply.successful) reject(new ClientError(`handshake failed: ${reason(reply)}`));
        else this.#subscribe(this.#channels).then(resolve, reject);
      });
      this.#channels.push(...channels);
      this.#cometd.handshake();
    });
  }

  subscribe(channel) {
    this.#channels.push(channel);
    return this.#subscribe([channel]);
  }

  publish(channel, data) {
    return new Promise((resolve, reject) => {
      this.#cometd.publish(channel, data, (reply) =>
        reply.successful ? resolve() : reject(new ClientError(`cannot publish on ${channel}: ${reason(reply)}`)),
      );
    });
  }

  stop() {
    return new Promise((resolve) => this.#cometd.disconnect(resolve));
  }

  async #subscribe(channels) {
    const pending = [];
    this.#cometd.batch(() => {
      for (const channel of channels) {
        const subscribed = (resolve, reject) => (reply) =>
          reply.successful ? resolve() : reject(new ClientError(`cannot subscribe to ${channel}: ${reason(reply)}`));
        pending.push(
          new Promise((resolve, reject) => {
            this.#cometd.subscribe(channel, () => {}, subscribed(resolve, reject));
          }),
        );
      }
    });
    await Promise.all(pending);
  }
}

function reason(reply) {
  const { reason, exception, httpCode } = reply.failure ?? {};
  return reply.error || reason || exception?.message || `HTTP ${httpCode ?? "without an answer"}`;
}
