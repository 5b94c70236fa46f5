// The scripted desktop in Node: node client.js BASE_URL < script.json. README.md has the script and the output.

import { text } from "node:stream/consumers";

import { adapt } from "cometd-nodejs-client";

import { ClientError, Desktop } from "./desktop.js";

/** One jar for REST and Bayeux, as a browser has it. */
class CookieJar {
  #cookies = new Map();

  store(url, header) {
    const [pair, ...attributes] = header.split(";").map((part) => part.trim());
    const [name] = pair.split("=", 1);
    const path = attributes.find((attribute) => /^path=\//i.test(attribute))?.slice("path=".length);
    // RFC 6265 section 5.1.4: the default path is the directory of the request.
    this.#cookies.set(name, { pair, path: path ?? (url.pathname.replace(/\/[^/]*$/, "") || "/") });
  }

  of(url) {
    const matches = (path) => path === "/" || url.pathname === path || url.pathname.startsWith(`${path}/`);
    return [...this.#cookies.values()].filter(({ path }) => matches(path)).map(({ pair }) => pair);
  }
}

const jar = new CookieJar();

async function fetchWithCookies(url, options) {
  const cookies = jar.of(url);
  const headers = cookies.length > 0 ? { ...options.headers, Cookie: cookies.join("; ") } : options.headers;
  const response = await fetch(url, { ...options, headers });
  for (const header of response.headers.getSetCookie()) jar.store(url, header);
  return response;
}

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

try {
  if (process.argv.length !== 3) throw new ClientError("usage: node client.js BASE_URL < script.json");
  const script = JSON.parse(await text(process.stdin));
  const shared = {
    storeCookie: (url, header, callback) => callback(null, jar.store(url, header)),
    retrieveCookies: (_context, url, callback) => callback(null, jar.of(url)),
  };
  adapt(script.sharedCookies === false ? {} : { cookies: shared });
  // The library logs to stdout, which is for our lines.
  globalThis.window.console = { debug() {}, info() {}, warn() {}, error() {} };
  await new Desktop(process.argv[2], script, { print, fetch: fetchWithCookies }).run();
  process.exit(0);
} catch (error) {
  const cause = error.cause ? ` (${error.cause.code ?? error.cause.message})` : "";
  process.stderr.write(`client: ${error.message}${cause}\n`);
  process.exit(1);
}
