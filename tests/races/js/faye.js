// A desk on Faye's client: what those with a race in them have in common.

import { faye } from "../../lab/libraries.js";
import { Inboxes, OUTBOUND } from "./bayeux.js";

export class FayeDesk {
  inboxes = new Inboxes();
  #url;
  #client;
  #channels;
  #operations = 0;

  constructor(url, { channels = [OUTBOUND] } = {}) {
    this.#url = url;
    this.#channels = channels;
    this.#client = new faye.Client(`${url}/api/v2/notifications`, { retry: 0.05 });
  }

  receive(data) {
    this.inboxes.receive(data);
  }

  async connect() {
    for (const channel of this.#channels) await this.#client.subscribe(channel, (data) => this.receive(data));
  }

  async disconnect() {
    await this.#client.disconnect();
  }

  reference() {
    return `desk-${++this.#operations}`;
  }

  /** Post an operation; resolves to the events it brought, when the last one is there. */
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
