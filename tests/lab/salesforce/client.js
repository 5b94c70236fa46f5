// The scripted client on jsforce: node client.js BASE_URL < script.json

import { readdirSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import jsforce from "jsforce";
import { StreamingExtension } from "jsforce/lib/api/streaming.js";

const VERSION = "60.0";
const STEP_MS = 15_000;

class Player {
  #script;
  #step = null;
  #events = 0;
  #wake = () => {};
  #ids = []; // by step, of the record it made
  #client; // never awaited or returned by an async function: Faye's client has a `then` of its own

  constructor(script) {
    this.#script = script;
  }

  async play(url) {
    const connection = await this.#login(url);
    await this.#listen(connection);
    await this.#meet();
    for (const [i, step] of this.#script.steps.entries()) {
      await sleep((this.#script.think ?? 0) * 1000);
      [this.#step, this.#events] = [i, this.#script.total === undefined ? 0 : this.#events];
      print({ kind: "request", step: i });
      const body = await this.#perform(connection, step);
      this.#ids[i] = body?.id ?? body?.[0]?.id ?? body?.compositeResponse?.[0]?.body?.id;
      print({ kind: "ack", step: i, body });
      await this.#heard(step.events ?? 0, `step ${i}`);
    }
    await this.#heard(this.#script.total ?? 0, "the session");
    await sleep((this.#script.linger ?? 0.3) * 1000);
    await this.#client.disconnect();
    print({ kind: "done" });
  }

  async #login(url) {
    const { login = "oauth", user = "ann@example.com", password = "secret", token } = this.#script;
    if (login === "none") return new jsforce.Connection({ instanceUrl: url, accessToken: token, version: VERSION });
    const oauth2 = login === "oauth" ? { clientId: "lab", clientSecret: "lab", loginUrl: url } : undefined;
    const connection = new jsforce.Connection({ loginUrl: url, version: VERSION, oauth2 });
    await connection.login(user, password);
    print({ kind: "login", token: connection.accessToken, instance: connection.instanceUrl });
    // A recorder is not where the answer to a login leads to.
    if (this.#script.stay) connection.instanceUrl = url;
    return connection;
  }

  async #listen(connection) {
    const { subscribe: channels, replay } = this.#script;
    const extensions = channels.map((channel) => new StreamingExtension.Replay(channel, replay ?? -1));
    // Called for each advice not to reconnect, so also after a disconnect.
    const denied = (reply) => reply.successful || fail(new Error(reply.error));
    extensions.push(new StreamingExtension.AuthFailure(denied));
    this.#client = connection.streaming.createClient(extensions);
    // An extension sees the channel of a message, and also those that nothing was subscribed to.
    this.#client.addExtension({
      incoming: (message, callback) => {
        if (!message.channel.startsWith("/meta/") && message.successful === undefined) this.#receive(message);
        callback(message);
      },
    });
    for (const channel of channels) {
      await this.#client.subscribe(channel, () => {});
      print({ kind: "subscribed", channel });
    }
  }

  // Clients that are to act at once wait here until all of them listen.
  async #meet() {
    const { folder, name, count } = this.#script.meet ?? {};
    if (folder === undefined) return;
    writeFileSync(`${folder}/${name}`, "");
    while (readdirSync(folder).length < count) await sleep(20);
  }

  #receive({ channel, data }) {
    print({ kind: "event", step: this.#step, channel, data });
    this.#events += 1;
    this.#wake();
  }

  async #heard(count, what) {
    const { patience } = this.#script;
    const end = Date.now() + (patience ?? STEP_MS);
    while (this.#events < count) {
      if (Date.now() > end && patience !== undefined) return;
      if (Date.now() > end) throw new Error(`${what} timed out with ${this.#events} events of ${count}`);
      await Promise.race([new Promise((resolve) => (this.#wake = resolve)), sleep(100)]);
    }
  }

  #perform(connection, step) {
    const id = this.#ids[step.record];
    const body = JSON.stringify(step.body);
    const of = connection.sobject(step.object ?? "Account");
    if (step.do === "create") return of.create(step.fields);
    if (step.do === "collection") return of.create(step.records, { allowRecursive: true });
    if (step.do === "update") return of.update({ Id: id, ...step.fields });
    if (step.do === "delete") return of.destroy(id);
    if (step.do === "read") return of.retrieve(id);
    if (step.do === "query") return connection.query(step.soql, { autoFetch: true });
    const headers = { "Content-Type": "application/json" };
    return connection.request({ method: "POST", url: `/services/data/v${VERSION}/composite`, headers, body });
  }
}

function print(line) {
  process.stdout.write(`${JSON.stringify({ ...line, at: performance.now() })}\n`);
}

function fail(error) {
  process.stderr.write(`client: ${error.stack}\n`);
  process.exit(1);
}

try {
  await new Player(JSON.parse(await text(process.stdin))).play(process.argv[2]);
  process.exit(0);
} catch (error) {
  fail(error);
}
