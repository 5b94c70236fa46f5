// The desktop on Faye's own client. It keeps its cookies to itself.

import faye from "faye";

import { ClientError } from "../desktop.js";
import { main } from "../node.js";

class OnFaye {
  #client;
  #transport;

  constructor({ url, transport, headers, receive }) {
    this.#transport = transport;
    this.#client = new faye.Client(url);
    for (const [name, value] of Object.entries(headers)) this.#client.setHeader(name, value);
    // Long-polling stays on for WebSocket: it is by what Faye shakes hands, whatever comes after.
    if (transport === "long-polling") this.#client.disable("websocket");
    this.#client.addExtension({
      incoming(message, callback) {
        if (!message.channel.startsWith("/meta/") && message.successful === undefined) receive(message);
        callback(message);
      },
    });
  }

  async start(channels) {
    await Promise.all(channels.map((channel) => this.#client.subscribe(channel, () => {})));
    const { connectionType } = this.#client._dispatcher; // it has no public name
    if (connectionType !== this.#transport) throw new ClientError(`no ${this.#transport}, but ${connectionType}`);
  }

  async subscribe(channel) {
    await this.#client.subscribe(channel, () => {});
  }

  async publish(channel, data) {
    await this.#client.publish(channel, data);
  }

  async stop() {
    await this.#client.disconnect();
  }
}

await main((options) => new OnFaye(options));
