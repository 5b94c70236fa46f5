// The Bayeux side of a desk in Node: onCometD and onFaye(url, cookies, channels, receive) resolve, when all is subscribed,
// to what ends it. Each event is received once, subscribed or not.

import { CometD } from "cometd";
import { adapt } from "cometd-nodejs-client";
import faye from "faye";

export async function onCometD(url, cookies, channels, receive) {
  const jar = {
    storeCookie: (_url, header, done) => done(null, cookies.store(header)),
    retrieveCookies: (_context, _url, done) => done(null, cookies.header ? [cookies.header] : []),
  };
  adapt({ cookies: jar });
  globalThis.window.console = { debug() {}, info() {}, warn() {}, error() {} };
  const cometd = new CometD();
  cometd.unregisterTransport("websocket");
  cometd.configure({ url });
  cometd.addListener("/**", (message) => {
    if (isEvent(message)) receive(message);
  });
  await new Promise((resolve, reject) => cometd.handshake((reply) => (reply.successful ? resolve() : reject(reply))));
  for (const channel of channels) await new Promise((resolve) => cometd.subscribe(channel, () => {}, resolve));
  return () => new Promise((resolve) => cometd.disconnect(resolve));
}

export async function onFaye(url, cookies, channels, receive) {
  const client = new faye.Client(url);
  client.disable("websocket");
  client.setHeader("Cookie", cookies.header);
  client.addExtension({
    incoming: (message, callback) => {
      if (isEvent(message)) receive(message);
      callback(message);
    },
  });
  for (const channel of channels) await client.subscribe(channel, () => {});
  return () => client.disconnect();
}

// the reply to a publish has its channel too
function isEvent({ channel, successful }) {
  return !channel.startsWith("/meta/") && successful === undefined;
}
