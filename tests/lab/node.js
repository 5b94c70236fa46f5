// The scripted desktop as a program: node CLIENT BASE_URL < script.json

import { text } from "node:stream/consumers";

import { ClientError, Desktop } from "./desktop.js";

/** One jar for REST and Bayeux, as a browser has it. */
export class CookieJar {
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

/** Read the script, play it with the Bayeux client that `bayeux` makes, and end the process. */
export async function main(bayeux, jar = new CookieJar()) {
  async function fetchWithCookies(url, options) {
    const cookies = jar.of(url);
    const headers = cookies.length > 0 ? { ...options.headers, Cookie: cookies.join("; ") } : options.headers;
    const response = await fetch(url, { ...options, headers });
    for (const header of response.headers.getSetCookie()) jar.store(url, header);
    return response;
  }

  try {
    if (process.argv.length !== 3) throw new ClientError(`usage: node ${process.argv[1]} BASE_URL < script.json`);
    const script = JSON.parse(await text(process.stdin));
    await new Desktop(process.argv[2], script, { print, fetch: fetchWithCookies, bayeux }).run();
    process.exit(0);
  } catch (error) {
    const cause = error.cause ? ` (${error.cause.code ?? error.cause.message})` : "";
    process.stderr.write(`client: ${error.message}${cause}\n`);
    process.exit(1);
  }
}

/** CometD's libraries log to stdout, which is for our lines; to be called when they have their `window`. */
export function silence() {
  globalThis.window.console = { debug() {}, info() {}, warn() {}, error() {} };
}

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
