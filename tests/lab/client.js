// The scripted desktop on CometD 9: node client.js BASE_URL < script.json. README.md has the script and the output.

import { AckExtension, CometD } from "cometd";
import { adapt } from "cometd-nodejs-client";

import { OnCometD } from "./cometd.js";
import { CookieJar, main, silence } from "./node.js";

const jar = new CookieJar();
const cookies = {
  storeCookie: (url, header, callback) => callback(null, jar.store(url, header)),
  retrieveCookies: (_context, url, callback) => callback(null, jar.of(url)),
};

function bayeux(options) {
  adapt(options.script.sharedCookies === false ? {} : { cookies });
  silence();
  return new OnCometD({ CometD, AckExtension }, options);
}

await main(bayeux, jar);
