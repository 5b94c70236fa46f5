// The items of each lane as columns of numbers in time order: what is drawn at each frame is looked up by bisection and
// counted in a loop over typed arrays, so that a frame costs little however long the recording is.

import { bisectLeft } from "d3-array";

/** What an item looks like. Of several in one place the last one here is drawn on top: it is the worst. */
export const LOOKS = {
  operations: ["complete", "acked", "aborted", "unacked", "failed"],
  plain: ["answered", "unanswered"],
  channel: ["sure", "unsure", "loose"],
  polls: ["held", "lost"],
};
export const SEVERITIES = ["info", "warning", "error"];
const MOST_ROWS = 8; // of operations that overlap; what is more shares the last one

/** The series of all sessions: `[{session, kind, name, items, at, end, …}…]`, each session's together, in order. */
export function seriesOf(model, fold) {
  const found = new Map();
  const add = (session, kind, name, item) => {
    const key = keyOf(session ?? null, kind, name);
    if (!found.has(key)) found.set(key, { key, session: session ?? null, kind, name, items: [] });
    found.get(key).items.push(item);
  };
  for (const triple of model.triples) add(triple.session, "operations", "operations", triple);
  for (const exchange of model.plain) add(exchange.session, "plain", "other requests", exchange);
  for (const event of inOrder(model.events, model.loose)) add(sessionOf(event), "channel", event.channel, event);
  for (const poll of model.polls) add(poll.session, "polls", "polls", poll);
  const kinds = Object.keys(LOOKS);
  const sessions = sessionsOf(model, found);
  const order = (one) => sessions.indexOf(one.session) * kinds.length + kinds.indexOf(one.kind);
  return [...found.values()].sort((a, b) => order(a) - order(b)).map((one) => filled(one, model, fold));
}

export const sessionOf = (item) => (item.kind === "event" ? item.triple.session : item.session) ?? null;

/** How the address names a session, and the key of its lane begins. */
export const sessionKeyOf = (session) => session ?? "-";

/** The key of the lane of an item. */
export function laneKeyOf(item) {
  const kinds = { triple: ["operations", "operations"], plain: ["plain", "other requests"] };
  const [kind, name] = kinds[item.kind] ?? (item.kind ? ["channel", item.channel] : ["polls", "polls"]);
  return keyOf(sessionOf(item), kind, name);
}

/** Where an item stands in its series; -1 if it does not. */
export function indexOf(series, item, place) {
  for (let i = bisectLeft(series.at, place(item.at)); i < series.items.length; i++) {
    const other = series.items[i];
    if (other === item || (item.id !== undefined && other.id === item.id)) return i;
    if (other.at > item.at) return -1;
  }
  return -1;
}

/** The first item that may reach into what begins there, and the one behind the last that begins before its end. */
export function inSight({ at, reach }, from, to) {
  return [bisectLeft(reach, from), bisectLeft(at, to)];
}

const keyOf = (session, kind, name) => `${sessionKeyOf(session)}/${kind === "channel" ? `=${name}` : kind}`;

function filled(series, model, fold) {
  const { items, kind } = series;
  const size = items.length;
  const [at, end, reach] = [0, 0, 0].map(() => new Float64Array(size));
  const [look, row, worst] = [0, 0, 0].map(() => new Uint8Array(size));
  const bad = [];
  let far = 0;
  items.forEach((item, i) => {
    at[i] = fold.place(item.at);
    end[i] = kind === "channel" ? at[i] : fold.place(endOf(model, item));
    reach[i] = far = Math.max(far, end[i]);
    look[i] = Math.max(0, LOOKS[kind].indexOf(lookOf(kind, item)));
    worst[i] = worstOf(item);
    if (worst[i] > 1) bad.push(i);
  });
  const rows = kind === "operations" ? packed(series, row) : 1;
  return { ...series, at, end, reach, look, row, rows, worst, bad: Int32Array.from(bad), fits: null };
}

/** 0 where nothing is wrong with an item, else 1 for an information, 2 for a warning, 3 for an error. */
export function worstOf(item) {
  return (item.problems ?? []).reduce((most, { severity }) => Math.max(most, SEVERITIES.indexOf(severity) + 1), 0);
}

/** When a problem showed: a poll is lost at its end. */
export function momentOf({ item, at }) {
  return item?.closed ?? at;
}

function endOf(model, item) {
  if (item.closed !== undefined) return item.closed ?? model.ended; // a poll
  return item.answered === null ? model.ended : item.end;
}

function lookOf(kind, item) {
  if (kind === "operations") return item.state;
  if (kind === "plain") return item.status === null ? "unanswered" : "answered";
  if (kind === "polls") return item.failure === null ? "held" : "lost";
  return item.kind === "loose" ? "loose" : item.confidence < 1 ? "unsure" : "sure";
}

/** Puts each operation into the first row that is free when it begins; how many rows there are. */
function packed({ items }, row) {
  const ends = [];
  items.forEach((triple, i) => {
    const free = ends.findIndex((end) => end < triple.at);
    row[i] = free < 0 ? Math.min(ends.length, MOST_ROWS - 1) : free;
    ends[row[i]] = Math.max(ends[row[i]] ?? 0, triple.end);
  });
  return ends.length;
}

/** Events and those nobody asked for, by time; events come by triple. */
function inOrder(events, loose) {
  const all = [...events, ...loose];
  return all.sort((a, b) => a.at - b.at);
}

function sessionsOf(model, found) {
  const seen = new Set([...found.values()].map(({ session }) => session));
  const named = model.sessions.map(({ label }) => label).filter((label) => seen.has(label));
  const known = new Set([...named, ...[...seen].filter((label) => label !== null)]);
  return seen.has(null) ? [...known, null] : [...known];
}
