// The least of a desk on fetch: a CometD client with long-polling, and operations posted beside it.

export const OUTBOUND = "/v2/me/outbound";
export const PATIENCE = 2_000; // milliseconds until an operation must be over
const AGAIN = 20; // milliseconds until a poll is sent again whose connection broke

export class Bayeux {
  #url;
  #cookies = new Map(); // fetch keeps none in Node
  #clientId = null;
  #polling;

  constructor(url) {
    this.#url = url;
  }

  /** Told the events of each answer, in their order. */
  received(_events) {}

  async connect(channels = [OUTBOUND]) {
    const [hello] = await this.send({ channel: "/meta/handshake", version: "1.0" });
    this.#clientId = hello.clientId;
    for (const channel of channels) await this.send({ channel: "/meta/subscribe", subscription: channel });
    this.#polling ??= this.#poll(channels);
  }

  async disconnect() {
    const clientId = this.#clientId;
    this.#clientId = null; // first: the poll that is answered now must be the last
    await this.send({ channel: "/meta/disconnect", clientId });
    await this.#polling;
  }

  async publish(channel, data) {
    await this.send({ channel, data });
  }

  async #poll(channels) {
    while (this.#clientId !== null) {
      let replies;
      try {
        replies = await this.send({ channel: "/meta/connect", connectionType: "long-polling" });
      } catch {
        await sleep(AGAIN);
        continue;
      }
      if (this.#clientId !== null && replies.at(-1)?.advice?.reconnect === "handshake") await this.connect(channels);
    }
  }

  /** Resolves to the replies; the events that came with them are handed over. */
  async send(message) {
    const known = message.channel === "/meta/handshake" ? {} : { clientId: this.#clientId };
    const body = [{ id: "1", supportedConnectionTypes: ["long-polling"], ...known, ...message }];
    const answered = await (await this.fetch("/api/v2/notifications", body)).json();
    this.carried(answered.filter(isEvent), message);
    return answered.filter((one) => "successful" in one);
  }

  /** Take the events in the answer to a message. */
  carried(events, _message) {
    if (events.length > 0) this.received(events);
  }

  async fetch(path, body) {
    const headers = { "Content-Type": "application/json", Cookie: [...this.#cookies.values()].join("; ") };
    const response = await fetch(this.#url + path, { method: "POST", headers, body: JSON.stringify(body) });
    for (const cookie of response.headers.getSetCookie()) {
      const [pair] = cookie.split(";");
      this.#cookies.set(pair.split("=")[0], pair);
    }
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
    return response;
  }
}

/** What an operation has to wait for: the events with its referenceId, until one of a type ends it. */
export class Inboxes {
  #inboxes = new Map();

  receive(data) {
    this.#inboxes.get(data.referenceId)?.(data);
  }

  /** Resolves to the events of an operation; to be called before its request, which they may overtake. */
  until(referenceId, last, patience = PATIENCE) {
    return within(patience, `no ${last}`, (resolve) => {
      const notices = [];
      this.#inboxes.set(referenceId, (data) => {
        notices.push(data);
        if (data.notificationType === last) resolve(notices);
      });
    });
  }
}

export class Desk extends Bayeux {
  inboxes = new Inboxes();
  patience = PATIENCE;
  #operations = 0;

  received(events) {
    for (const { data } of events) this.inboxes.receive(data);
  }

  async preview() {
    return (await this.operate(campaign("GetPreviewRecord"), "PreviewRecord")).at(-1).record;
  }

  /** The telephone numbers of a record. */
  async chain(handle) {
    return phones(await this.operate(chained(handle), "ChainedRecordsDataEnd"));
  }

  /** Post an operation; resolves to the events it brought, when the last one is there. */
  async operate(asked, last) {
    const referenceId = this.reference();
    const notices = this.inboxes.until(referenceId, last, this.patience);
    return (await Promise.all([notices, this.post(asked, referenceId)]))[0];
  }

  reference() {
    return `desk-${++this.#operations}`;
  }

  post([path, body], referenceId) {
    return this.fetch(path, { ...body, referenceId });
  }
}

/** Let a desk work, and leave. */
export async function at(desk, work) {
  try {
    await desk.connect();
    await work(desk);
  } catch (error) {
    desk.disconnect().catch(() => {}); // the first error is told
    throw error;
  }
  await desk.disconnect();
}

export function campaign(operationName) {
  return ["/api/v2/me/outbound-campaigns/Campaign1", bodyOf(operationName)];
}

export function chained(handle) {
  return [`/api/v2/me/outbound-records/${handle}`, bodyOf("GetChainedRecord")];
}

export function phones(notices) {
  return notices.filter((one) => one.notificationType === "ChainedRecord").map((one) => one.record.userData.GSW_PHONE);
}

/** Resolves when `begin` does; rejects if that takes too many milliseconds. */
export function within(patience, what, begin) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} within ${patience} ms`)), patience);
    begin((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function check(holds, text) {
  if (!holds) throw new Error(text);
}

function isEvent(message) {
  return "data" in message && !message.channel.startsWith("/meta/") && !("successful" in message);
}

function bodyOf(operationName) {
  const common = { devicePath: "/devices/c259da54-7c22-4a43-9440-77a92facc86b", applicationId: 134 };
  return { operationName, campaignName: "Campaign1", ...common };
}
