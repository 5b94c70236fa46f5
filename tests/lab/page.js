// The scripted desktop in a page: play(BASE_URL, script) resolves to the lines that client.js prints.

import { AckExtension, CometD } from "cometd";

import { OnCometD } from "./cometd.js";
import { Desktop } from "./desktop.js";

export async function play(base, script) {
  const lines = [];
  const print = (line) => lines.push(line);
  const fetchWithCookies = (url, options) => fetch(url, { ...options, credentials: "include" });
  const bayeux = (options) => new OnCometD({ CometD, AckExtension }, options);
  await new Desktop(base, script, { print, fetch: fetchWithCookies, bayeux }).run();
  return lines;
}
