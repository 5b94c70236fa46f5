// What CometD 9 does about the replies of a server: node meta.js BASE_URL < script.json
//
// The script says what to do once connected: { subscribe: [channel], publish: [channel], post: {path, body}, busy: ms,
// wait: ms }. Each /meta/ reply, and each answer to a subscription or publish, is a line on stdout.

import { text } from "node:stream/consumers";

import { CometD } from "cometd";
import { adapt } from "cometd-nodejs-client";

import { CookieJar, silence } from "./node.js";

const base = process.argv[2];
const script = JSON.parse(await text(process.stdin));
const jar = new CookieJar();
adapt({
  cookies: {
    storeCookie: (url, header, callback) => callback(null, jar.store(url, header)),
    retrieveCookies: (_context, url, callback) => callback(null, jar.of(url)),
  },
});
silence();

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const told = ({ channel, subscription, successful, error, advice }) =>
  print({ channel, subscription, successful, error, reconnect: advice?.reconnect });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const cometd = new CometD();
cometd.configure({ url: `${base}/api/v2/notifications`, backoffIncrement: 50 });
for (const channel of ["/meta/handshake", "/meta/connect", "/meta/disconnect"]) cometd.addListener(channel, told);

const connected = new Promise((resolve) => {
  cometd.addListener("/meta/handshake", ({ successful }) => successful && resolve());
});
cometd.handshake();
await Promise.race([connected, sleep(script.wait)]);
for (const channel of script.subscribe ?? [])
  await new Promise((resolve) => cometd.subscribe(channel, ({ data }) => print({ event: data }), (m) => resolve(told(m))));
for (const channel of script.publish ?? [])
  await new Promise((resolve) => cometd.publish(channel, {}, (m) => resolve(told(m))));
if (script.post) {
  const url = new URL(base + script.post.path);
  const headers = { "Content-Type": "application/json", Cookie: jar.of(url).join("; ") };
  await fetch(url, { method: "POST", headers, body: JSON.stringify(script.post.body) });
  // a page that is busy: it neither reads nor polls
  if (script.busy) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, script.busy);
}
await sleep(script.wait);
print({ state: cometd.getStatus() });
process.exit(0);
