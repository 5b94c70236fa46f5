// Many agents on CometD 9, each in a worker with a jar of its own: node agents.js < crew.json
// They print lines of JSON, stop halfway until a line comes, and begin anew when their session is lost.

import { createInterface } from "node:readline";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

import { CometD } from "cometd";
import { adapt } from "cometd-nodejs-client";
import { WebSocket } from "ws";

import { CookieJar, silence } from "./node.js";

class Lost extends Error {}

if (isMainThread) crew();
else await agent(workerData);

async function crew() {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const { agents, ...common } = JSON.parse((await lines.next()).value);
  const workers = agents.map((one) => new Worker(new URL(import.meta.url), { workerData: { ...common, ...one } }));
  let left = workers.length;
  for (const worker of workers) {
    worker.on("message", (line) => process.stdout.write(`${JSON.stringify(line)}\n`));
    worker.on("exit", () => {
      left -= 1;
      if (left === 0) process.exit(0);
    });
  }
  await lines.next();
  for (const worker of workers) worker.postMessage("go");
}

async function agent({ url, name, transport, steps, channels, half, patience }) {
  const jar = new CookieJar();
  adapt({
    cookies: {
      storeCookie: (at, header, callback) => callback(null, jar.store(at, header)),
      retrieveCookies: (_context, at, callback) => callback(null, jar.of(at)),
    },
  });
  silence();
  // a browser has one jar for WebSockets too
  globalThis.window.WebSocket = class extends WebSocket {
    constructor(target, protocols) {
      const at = new URL(target);
      super(target, protocols, { headers: { Cookie: jar.of(at).join("; ") } });
      this.on("upgrade", (response) => {
        for (const header of response.headers["set-cookie"] ?? []) jar.store(at, header);
      });
    }
  };

  const print = (line) => parentPort.postMessage({ agent: name, ...line });
  const go = new Promise((resolve) => parentPort.once("message", resolve));
  const instance = () => jar.of(new URL(url)).find((pair) => pair.startsWith("recorder_instance="))?.split("=")[1];
  const headers = { "Content-Type": "application/json", Authorization: `Basic ${btoa(`${name}:secret`)}` };
  let life = 0;
  let lost = false; // the session is, and no other is ready: what was asked now would be asked twice
  let step = -1;
  let events = 0;
  let notice = () => {};

  const cometd = new CometD();
  for (const other of cometd.getTransportTypes()) if (other !== transport) cometd.unregisterTransport(other);
  cometd.configure({ url: `${url}/api/v2/notifications`, backoffIncrement: 100, maxNetworkDelay: 60000 });
  cometd.addListener("/**", ({ channel, data }) => {
    if (channel.startsWith("/meta/")) return;
    print({ kind: "event", life, step, reference: data.referenceId ?? null });
    events += 1;
    notice();
  });
  cometd.addListener("/meta/connect", ({ advice }) => {
    if (advice?.reconnect === "handshake") lost = true;
  });
  cometd.addListener("/meta/handshake", (reply) => {
    if (!reply.successful) return;
    lost = true;
    const subscribed = channels.map((channel) => new Promise((resolve) => cometd.subscribe(channel, () => {}, resolve)));
    Promise.all(subscribed).then((replies) => {
      if (!replies.every((one) => one.successful)) return;
      life += 1;
      lost = false;
      print({ kind: "ready", life });
      notice();
    });
  });

  // Wait for something; a session that is lost meanwhile ends the wait.
  const until = (holds, own, what) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${what}`)), patience * 1000);
      notice = () => {
        if (own !== null && life !== own) reject(new Lost());
        else if (holds()) resolve();
        else return;
        clearTimeout(timer);
      };
      notice();
    });

  async function plays(own) {
    for (const [i, { method, path, body, events: wanted = 0 }] of steps.entries()) {
      if (i === half && own === 1) {
        print({ kind: "half", instance: instance() });
        await go;
        if (life !== own) throw new Lost();
      }
      if (lost) throw new Lost();
      [step, events] = [i, 0];
      print({ kind: "sent", life: own, step });
      const at = new URL(url + path);
      const content = body && JSON.stringify(body).replace('"@', `"${name}.${own}.`);
      const shown = { ...headers, Cookie: jar.of(at).join("; ") };
      const response = await fetch(at, { method, body: content, headers: shown }).catch((error) => ({ status: `${error}` }));
      for (const header of response.headers?.getSetCookie() ?? []) jar.store(at, header);
      await response.arrayBuffer?.();
      print({ kind: "ack", life: own, step, status: response.status });
      await until(() => events >= wanted, own, `event of step ${i}, ${events} of ${wanted} came`);
    }
  }

  try {
    cometd.handshake();
    await until(() => life > 0, null, "handshake");
    for (let own = life; ; own = life) {
      try {
        await plays(own);
        break;
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        await until(() => life > own, null, "new session");
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 200)); // for what comes twice
    print({ kind: "done", life, instance: instance() });
    await new Promise((resolve) => cometd.disconnect(resolve));
  } catch (error) {
    print({ kind: "failed", life, step, why: error.message });
  }
  process.exit(0);
}
