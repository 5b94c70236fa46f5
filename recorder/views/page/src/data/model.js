// The document as the views want it: triples, events with their triple, and what stood around them, in order.

import { listed } from "../text.js";

export function modelOf(document) {
  const model = {
    title: document.get("title"),
    recordings: [],
    sessions: [],
    triples: [],
    plain: [],
    loose: [],
    polls: [],
    notes: [],
  };
  for (const recording of document.get("recordings")) addRecording(model, recording);
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

function addRecording(model, recording) {
  const facts = Object.fromEntries(recording);
  model.recordings.push(facts);
  for (const [label, at] of facts.sessions) model.sessions.push({ label, at });
  for (const triple of facts.triples) model.triples.push(exchangeOf(triple, "triple"));
  for (const exchange of facts.plain) model.plain.push(exchangeOf(exchange, "plain"));
  for (const event of facts.unsolicited) model.loose.push({ ...eventOf(event), kind: "loose" });
  for (const [session, at, closed, failure] of facts.polls) model.polls.push({ session, at, closed, failure });
  for (const [at, kind, text] of facts.notes) model.notes.push({ at, kind, text });
}

function exchangeOf(map, kind) {
  const item = { ...Object.fromEntries(map), kind };
  item.id = String(item.n);
  item.ack = item.ack && Object.fromEntries(item.ack);
  item.events = item.events.map((event, place) => ({
    ...eventOf(event),
    kind: "event",
    place,
    id: `${item.n}.${place + 1}`,
    triple: item,
  }));
  item.handle = listed(item.keys.get("handle") ?? null);
  item.reference = listed(item.keys.get("reference") ?? null);
  item.label = item.operation ?? `${item.method} ${item.target}`;
  item.answered = item.ack?.at ?? item.failure?.[0] ?? null;
  item.lastEvent = item.events.at(-1)?.at ?? null;
  item.end = Math.max(item.at, item.answered ?? 0, item.lastEvent ?? 0);
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
