// A small agent desktop for GWS in JavaScript, on fetch alone: it takes a campaign's preview record, works its chain,
// and completes it. An operation is acknowledged at once; what came of it comes later, as events over CometD.
//
//     node desktop.mjs http://gws.example:8090

import { pathToFileURL } from "node:url";

const APPLICATION = 134;
const PATIENCE = 10_000; // milliseconds until an operation must be over
const PAUSE = 100; // milliseconds until the next poll, after a connection broke

export class Desktop {
  #url;
  #headers = { "Content-Type": "application/json" };
  #cookies = new Map(); // fetch keeps none in Node
  #clientId = null;
  #polling;
  #device;
  #campaign;
  #waiting = new Map(); // by referenceId: takes the notices of an operation

  constructor(url, { user, password, campaign }) {
    this.#url = url;
    this.#headers.Authorization = `Basic ${btoa(`${user}:${password}`)}`;
    this.#campaign = campaign;
  }

  async login() {
    const response = await this.#fetch("GET", "/api/v2/me");
    const csrf = response.headers.get("x-csrf-header");
    if (csrf !== null) this.#headers[csrf] = response.headers.get("x-csrf-token");
    this.#device = `/devices/${(await response.json()).user.devices[0].id}`;
    await this.#connect();
    this.#polling = this.#poll();
  }

  async logout() {
    const clientId = this.#clientId;
    this.#clientId = null; // first: the poll that is answered now must be the last
    await this.#send({ channel: "/meta/disconnect", clientId });
    await this.#polling;
  }

  async start() {
    await this.#onCampaign("StartPreviewSession", "PreviewSessionStarted");
  }

  async preview() {
    return (await this.#onCampaign("GetPreviewRecord", "PreviewRecord")).at(-1).record;
  }

  /** The telephone numbers of a record, in the order of the chain. */
  async chain(record) {
    const notices = await this.#onRecord(record, "GetChainedRecord", "ChainedRecordsDataEnd");
    return notices.slice(0, -1).map((notice) => notice.record.userData.GSW_PHONE);
  }

  async update(record, phoneNumber, timeZone) {
    const own = { callingList: record.callingList, phoneNumber, timeZone };
    await this.#onRecord(record, "UpdateRecord", "UpdateCallCompletionStatsAcknowledge", own);
  }

  async complete(record, phoneNumber, callResult) {
    const own = { callingList: record.callingList, phoneNumber, callResult };
    await this.#onRecord(record, "CompleteRecord", "RecordProcessedAcknowledge", own);
  }

  async end() {
    await this.#onCampaign("EndPreviewSession", "PreviewSessionEnded");
  }

  #onCampaign(name, last) {
    return this.#operate(`/api/v2/me/outbound-campaigns/${this.#campaign}`, name, last);
  }

  #onRecord(record, name, last, own) {
    return this.#operate(`/api/v2/me/outbound-records/${record.recordHandle}`, name, last, own);
  }

  /** Post an operation; resolves to the notices it brought, when the last one is there. */
  async #operate(path, operationName, last, own = {}) {
    const referenceId = crypto.randomUUID();
    const common = { operationName, devicePath: this.#device, applicationId: APPLICATION, referenceId };
    const notices = this.#notices(referenceId, last, operationName); // before the request: events may overtake the ack
    const posted = this.#fetch("POST", path, { ...common, campaignName: this.#campaign, ...own });
    return (await Promise.all([notices, posted]))[0];
  }

  #notices(referenceId, last, operationName) {
    return new Promise((resolve, reject) => {
      const late = new Error(`${operationName}: no ${last} within ${PATIENCE} ms`);
      const timer = setTimeout(() => reject(late), PATIENCE).unref();
      const notices = [];
      this.#waiting.set(referenceId, (notice) => {
        notices.push(notice);
        if (notice.notificationType !== last) return;
        clearTimeout(timer);
        resolve(notices);
      });
    });
  }

  // CometD: handshake, one subscription, and one held poll after the other

  async #connect() {
    const [hello] = await this.#send({ channel: "/meta/handshake", version: "1.0" });
    this.#clientId = hello.clientId;
    await this.#send({ channel: "/meta/subscribe", subscription: "/v2/me/outbound" });
  }

  async #poll() {
    while (this.#clientId !== null) {
      let replies;
      try {
        replies = await this.#send({ channel: "/meta/connect", connectionType: "long-polling" });
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // of fetch: the connection broke
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
        continue;
      }
      const forgotten = replies.at(-1)?.advice?.reconnect === "handshake";
      if (this.#clientId !== null && forgotten) await this.#connect();
    }
  }

  async #send(message) {
    const known = message.channel === "/meta/handshake" ? {} : { clientId: this.#clientId };
    const body = [{ id: "1", supportedConnectionTypes: ["long-polling"], ...known, ...message }];
    const answered = await (await this.#fetch("POST", "/api/v2/notifications", body)).json();
    for (const { channel, data } of answered) {
      if (channel === "/v2/me/outbound") this.#waiting.get(data.referenceId)?.(data);
    }
    return answered.filter(({ channel }) => channel.startsWith("/meta/"));
  }

  async #fetch(method, path, body) {
    const headers = { ...this.#headers, Cookie: [...this.#cookies.values()].join("; ") };
    const response = await fetch(this.#url + path, { method, headers, body: body && JSON.stringify(body) });
    for (const cookie of response.headers.getSetCookie()) {
      const [pair] = cookie.split(";");
      this.#cookies.set(pair.split("=")[0], pair);
    }
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }
}

/** Take one record, call it, and be done with it; the telephone numbers of its chain. */
export async function work(url, callResult = "Answer") {
  const desktop = new Desktop(url, { user: "agent1", password: "secret", campaign: "Campaign1" });
  await desktop.login();
  try {
    await desktop.start();
    const record = await desktop.preview();
    const phones = await desktop.chain(record);
    await desktop.update(record, phones[0], "EST");
    await desktop.complete(record, phones[0], callResult);
    await desktop.end();
    return phones;
  } finally {
    await desktop.logout();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) console.log(...(await work(process.argv[2])));
