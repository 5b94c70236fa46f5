// A chain of ten requests: each needs the ticket that an event gave out after the one before it, each in another form.
//
// Tickets are made by chance (or of the seed). The log says `mistake` for a ticket that is not the next one.

import { Seeded } from "./seeded.js";

const LENGTH = 10;

export class Chain {
  prefix = "/push";
  #made;
  #next = { leg: 1, ticket: "" }; // what has to come

  constructor(seed) {
    this.#made = new Seeded(`chain ${seed}`);
  }

  agentOf() {
    return null;
  }

  answer({ method, path, headers, body }) {
    const url = new URL(path, "http://lab.invalid");
    const [, leg] = /^\/chain\/(\d+)(?:\/|$)/.exec(url.pathname) ?? [];
    if (method !== "POST" || leg === undefined) return { status: 404, body: { error: "not-found" } };
    const shown = shownIn(Number(leg), url, headers, body);
    if (Number(leg) !== this.#next.leg || shown !== this.#next.ticket) {
      const mistake = `leg ${leg} with ${JSON.stringify(shown)} where ${JSON.stringify(this.#next)} has to come`;
      return { status: 409, body: { error: "wrong-ticket" }, mistake };
    }
    const ticket = this.#ticket(Number(leg));
    this.#next = { leg: Number(leg) + 1, ticket: String(ticket) };
    const data = { type: leg < LENGTH ? "TicketGiven" : "ChainDone", leg: Number(leg), ...toldAs(Number(leg), ticket) };
    return { status: 200, body: { ok: true, leg: Number(leg) }, after: [{ channel: "/chain", data, wait: 20 }] };
  }

  #ticket(leg) {
    if (leg === 9) return 10_000_000 + (parseInt(this.#made.hex(6), 16) % 80_000_000); // a number, and sent as one
    return leg % 2 === 0 ? this.#made.uuid() : `T-${this.#made.hex(12)}`;
  }
}

/** How the event of a leg tells the ticket of the next one. */
function toldAs(leg, ticket) {
  if (leg === 5) return { reply: { list: [{ kind: "old" }, { kind: "new", ref: ticket }] } };
  if (leg === 8) return { uri: `http://lab.invalid/chain/9/${ticket}?from=event` };
  if (leg === LENGTH) return {};
  return { ticket };
}

/** The ticket in a request of a leg, as text. */
function shownIn(leg, url, headers, body) {
  const text = String(body);
  switch (leg) {
    case 1:
      return "";
    case 2:
    case 9:
      return decodeURIComponent(url.pathname.split("/")[3] ?? "");
    case 3:
      return url.searchParams.get("ticket");
    case 4:
      return body?.ticket;
    case 5:
      return new URLSearchParams(text).get("ticket");
    case 6:
      return /<ticket kind="new">([^<]*)<\/ticket>/.exec(text)?.[1];
    case 7:
      return /name="ticket"\r\n\r\n([^\r]*)\r\n/.exec(text)?.[1];
    case 8:
      return headers["x-ticket"];
    case 10:
      return typeof body?.items?.[1]?.ticket === "number" ? String(body.items[1].ticket) : undefined;
    default:
      return undefined;
  }
}
