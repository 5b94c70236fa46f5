// A client of the chain: node chain_client.js BASE_URL < {"patience": 3000}. It sends each ticket on, and prints its verdict.

import { text } from "node:stream/consumers";

import { Cookies, Judge } from "./desk.js";
import { onCometD } from "./wires.js";

const base = process.argv[2];
const { patience } = JSON.parse(await text(process.stdin));
const judge = new Judge(() => false, patience);
const close = await onCometD(`${base}/push`, new Cookies(), ["/chain"], (message) => judge.receive(message));

const json = (content) => ({ headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
const LEGS = [
  () => ["", json({ begin: true })],
  ({ ticket }) => [`/${ticket}`, json({ note: "by path" })],
  ({ ticket }) => [`?a=1&ticket=${ticket}&b=2`, json({ note: "by query" })],
  ({ ticket }) => ["", json({ note: "by JSON", ticket })],
  ({ ticket }) => ["", { body: new URLSearchParams({ note: "by form", ticket, end: "yes & no" }) }],
  ({ reply }) => ["", xml(`<next><note>by XML</note><ticket kind="new">${reply.list[1].ref}</ticket></next>`)],
  ({ ticket }) => ["", { body: parts({ note: "by multipart", ticket }) }],
  ({ ticket }) => ["", { ...json({ note: "by header" }), headers: { "Content-Type": "application/json", "X-Ticket": ticket } }],
  ({ uri }) => [`/${new URL(uri).pathname.split("/")[3]}`, json({ note: "by a URL" })],
  ({ ticket }) => ["", json({ note: "by number", items: [{ ticket: 1 }, { ticket }] })],
];

let told = {};
for (const [place, leg] of LEGS.entries()) {
  const number = place + 1;
  const [more, request] = leg(told);
  const type = number < LEGS.length ? "TicketGiven" : "ChainDone";
  const expect = () => [{ channel: "/chain", data: { type, leg: number } }];
  const ask = async () => {
    const response = await fetch(`${base}/chain/${number}${more}`, { method: "POST", ...request });
    return { status: response.status, body: await response.json() };
  };
  await judge.step(`leg ${number}`, ask, expect, ({ status }) => status === 200);
  told = judge.find((data) => data.leg === number) ?? {};
}
process.stdout.write(`${JSON.stringify(judge.verdict())}\n`);
await close();
process.exit(0);

function xml(content) {
  return { headers: { "Content-Type": "application/xml" }, body: `<?xml version="1.0"?>\n${content}` };
}

function parts(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}
