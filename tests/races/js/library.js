// A desk on CometD's library: what those with a race in them have in common.

import { AckExtension, CometD, adapt } from "../../lab/libraries.js";
import { Inboxes, OUTBOUND } from "./bayeux.js";

adapt();
// it logs to stdout, which is for our lines
globalThis.window.console = { debug() {}, info() {}, warn() {}, error() {} };

export class LibraryDesk {
  inboxes = new Inboxes();
  cometd = new CometD();
  #url;
  #channels;
  #operations = 0;

  constructor(url, { acknowledged = false, channels = [OUTBOUND] } = {}) {
    this.#url = url;
    this.#channels = channels;
    this.cometd.unregisterTransport("websocket");
    if (acknowledged) this.cometd.registerExtension("ack", new AckExtension());
    this.cometd.configure({ url: `${url}/api/v2/notifications`, backoffIncrement: 20 });
  }

  receive(data) {
    this.inboxes.receive(data);
  }

  connect() {
    return new Promise((resolve, reject) => {
      // Subscriptions die with the session, so each handshake, also one after a restart, renews them.
      this.cometd.addListener("/meta/handshake", (reply) => {
        if (!reply.successful) return; // the library tries again
        Promise.all(this.#channels.map((channel) => this.#subscribe(channel))).then(resolve, reject);
      });
      this.cometd.handshake();
    });
  }

  #subscribe(channel) {
    return new Promise((resolve, reject) => {
      this.cometd.subscribe(channel, ({ data }) => this.receive(data), (answer) =>
        answer.successful ? resolve() : reject(new Error(`cannot subscribe to ${channel}`)),
      );
    });
  }

  disconnect() {
    return new Promise((resolve) => this.cometd.disconnect(resolve));
  }

  reference() {
    return `desk-${++this.#operations}`;
  }

  async operate(asked, last) {
    const referenceId = this.reference();
    const notices = this.inboxes.until(referenceId, last);
    return (await Promise.all([notices, this.post(asked, referenceId)]))[0];
  }

  async post([path, body], referenceId) {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(this.#url + path, { method: "POST", headers, body: JSON.stringify({ ...body, referenceId }) });
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
    await response.text();
  }
}
