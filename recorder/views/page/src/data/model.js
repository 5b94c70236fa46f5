// The document as the views want it: triples, events with their triple, and what stood around them, in order.
//
// Its items are light: they have no headers, bodies and event data. `await model.detail(item)` has the rest:
// `{headers, body, ack: {at, status, headers, body} or null, failure: [at, reason] or null, events: [{data, why, rivals,
// others}…]}` of a triple, in the order of its events, and `{data, others}` of an event that is of none.
// `await model.matching(expression)` tells which triples fit a filter: `{ids, error}`.

import { listed } from "../text.js";
import { matching } from "./shown.js";

/** The model of what a source holds: `rows()`, `block(recording, k)`, `search(expression)`, `live(listener)`, `ask`. */
export async function modelOf(source) {
  const document = await source.rows();
  const heavy = new Map(); // by item, until all sources have blocks
  const model = {
    source,
    title: document.get("title"),
    recordings: [],
    sessions: [],
    triples: [],
    plain: [],
    loose: [],
    polls: [],
    notes: [],
    problems: [],
    detail: async (item) => heavy.get(tripleOf(item)),
    matching: async (expression) => matching(model, expression),
  };
  for (const recording of document.get("recordings")) addRecording(model, recording, heavy);
  for (const list of [model.triples, model.plain, model.loose, model.polls, model.notes, model.sessions]) {
    list.sort((a, b) => a.at - b.at);
  }
  model.plain.forEach((exchange, place) => (exchange.id = `x${place + 1}`));
  model.loose.forEach((event, place) => (event.id = `u${place + 1}`));
  model.events = model.triples.flatMap((triple) => triple.events);
  const items = [...model.triples, ...model.events, ...model.loose, ...model.plain];
  model.byId = new Map(items.map((item) => [item.id, item]));
  model.differences = differencesOf(document, model);
  model.keys = new Set(model.recordings.flatMap(({ keys }) => keys));
  model.ids = idsOf(model.triples);
  model.started = model.differences ? null : startOf(model.recordings); // what is compared begins at 0 by each its own clock
  [model.began, model.ended] = spanOf(model);
  return model;
}

/** The triple a selection is about: itself, or that of the event. */
export function tripleOf(item) {
  return item && (item.kind === "event" ? item.triple : item);
}

function addRecording(model, recording, heavy) {
  const facts = Object.fromEntries(recording);
  model.recordings.push(facts);
  for (const [label, at] of facts.sessions) model.sessions.push({ label, at });
  for (const triple of facts.triples) model.triples.push(exchangeOf(triple, "triple", heavy));
  for (const exchange of facts.plain) model.plain.push(exchangeOf(exchange, "plain", heavy));
  for (const event of facts.unsolicited) model.loose.push(looseOf(event, heavy));
  for (const [session, at, closed, failure] of facts.polls) model.polls.push({ session, at, closed, failure });
  for (const [at, kind, text] of facts.notes) model.notes.push({ at, kind, text });
}

function exchangeOf(map, kind, heavy) {
  const full = Object.fromEntries(map);
  full.ack = full.ack && Object.fromEntries(full.ack);
  full.events = full.events.map(eventOf);
  const { n, operation, session, state, at, method, target, keys, ack, failure, headers, body, events } = full;
  const item = { kind, id: String(n), n, operation, session, state, at, method, target, keys, problems: [] };
  item.events = events.map((event, place) => lightEvent(event, item, place));
  item.handle = listed(keys.get("handle") ?? null);
  item.reference = listed(keys.get("reference") ?? null);
  item.label = operation ?? `${method} ${target}`;
  item.status = ack?.status ?? null;
  item.reason = failure?.[1] ?? null;
  item.answered = ack?.at ?? failure?.[0] ?? null;
  item.lastEvent = item.events.at(-1)?.at ?? null;
  item.end = Math.max(at, item.answered ?? 0, item.lastEvent ?? 0);
  heavy.set(item, { headers, body, ack, failure, events });
  return item;
}

function lightEvent({ name, channel, at, rule, confidence }, triple, place) {
  return { kind: "event", id: `${triple.n}.${place + 1}`, place, triple, name, channel, at, rule, confidence, problems: [] };
}

function looseOf(map, heavy) {
  const full = eventOf(map);
  const { name, channel, at, session } = full;
  const item = { kind: "loose", name, channel, at, session, problems: [] };
  heavy.set(item, { data: full.data, others: full.others });
  return item;
}

/** How two recordings differ: by pair of triples, in the order they were told; null on a page of other recordings. */
function differencesOf(document, model) {
  const rows = document.get("differences");
  if (!rows) return null;
  const pairs = new Map();
  for (const row of rows.map(Object.fromEntries)) {
    const key = row.n.join();
    const [old, now] = row.n.map((n) => (n ? (model.byId.get(String(n)) ?? null) : null));
    if (!pairs.has(key)) pairs.set(key, { old, now, rows: [] });
    pairs.get(key).rows.push(row);
  }
  for (const pair of pairs.values()) for (const triple of [pair.old, pair.now]) if (triple) triple.pair = pair;
  return [...pairs.values()];
}

/** What most events have none of is left out of the document. */
function eventOf(map) {
  return { others: [], rivals: [], ...Object.fromEntries(map) };
}

/** Hues for ids: the same id has the same one everywhere, ids that follow each other differ well. */
function idsOf(triples) {
  const hues = new Map();
  for (const { handle, reference } of triples) {
    for (const id of [handle, reference]) {
      if (id !== null && !hues.has(id)) hues.set(id, Math.round((hues.size * 137.508) % 360)); // the golden angle
    }
  }
  return hues;
}

/** The wall clock at 0; null where a cassette does not know it. */
function startOf(recordings) {
  const starts = recordings.map(({ started }) => started);
  return starts.every(Boolean) ? Math.min(...starts) : null;
}

function spanOf({ triples, plain, loose, sessions, polls }) {
  const begins = [...triples, ...plain, ...loose, ...sessions, ...polls].map((item) => item.at);
  const ends = [...triples, ...plain].map((item) => item.end);
  const all = [...begins, ...ends, ...polls.map((poll) => poll.closed ?? poll.at)];
  const began = begins.reduce((a, b) => Math.min(a, b), Infinity);
  const ended = all.reduce((a, b) => Math.max(a, b), -Infinity);
  return Number.isFinite(began) ? [began, Math.max(ended, began + 1000)] : [0, 1000];
}
