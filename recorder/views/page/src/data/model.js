// The rows of a source as the views want them: triples, events with their triple, and what stood around them, in order.
//
// Its items are light: they have no headers, bodies and event data. `await model.detail(item)` has the rest:
// `{headers, body, ack: {at, status, headers, body} or null, failure: [at, reason] or null, events: [{data, why, rivals,
// others}…]}` of a triple, in the order of its events, and `{data, others}` of an event that is of none.
// `await model.matching(expression)` tells which triples fit a filter: `{ids, error}`.
//
// A source has `rows()`, `block(recording, k)`, `search(expression)` (null: the page judges itself), `live(listener)` and,
// if there is a server, `ask(name, params)`.

import { blocksOf, opened, openedLoose } from "./blocks.js";
import { Loose, Poll, Rows, added } from "./items.js";
import { ordersOf } from "./orders.js";
import { searchOf } from "./shown.js";

const SEVERITIES = ["error", "warning", "info"];

/** The model of what a source holds. */
export async function modelOf(source) {
  const document = await source.rows();
  const model = {
    source,
    title: document.title,
    recordings: [],
    sessions: [],
    triples: [],
    plain: [],
    loose: [],
    polls: [],
    notes: [],
    problems: [],
  };
  document.recordings.forEach((recording, place) => addRecording(model, recording, place));
  for (const list of [model.triples, model.plain, model.loose, model.polls, model.notes, model.sessions]) {
    list.sort((a, b) => a.at - b.at);
  }
  model.plain.forEach((exchange, place) => (exchange.id = `x${place + 1}`));
  model.loose.forEach((event, place) => (event.id = `u${place + 1}`));
  model.events = model.triples.flatMap((triple) => triple.events);
  inOrder(model.problems);
  model.byId = idsOf(model);
  model.differences = differencesOf(document, model);
  model.orders = ordersOf(document, model);
  model.keys = new Set(model.recordings.flatMap(({ keys }) => keys));
  model.ids = huesOf(model.triples);
  model.started = model.differences ? null : startOf(model.recordings); // what is compared begins at 0 by each its own clock
  [model.began, model.ended] = spanOf(model);
  const blocks = blocksOf(source);
  model.detail = (item) => detailOf(model, blocks, tripleOf(item));
  model.matching = searchOf(model, blocks);
  model.find = (found) => find(model, found);
  return model;
}

/** The triple a selection is about: itself, or that of the event. */
export function tripleOf(item) {
  return item && (item.kind === "event" ? item.triple : item);
}

/** Take problems that came later, each with the `id` of its item, or null. */
function find(model, found) {
  for (const { id, ...more } of found) {
    const item = model.byId.get(id) ?? null;
    const problem = { ...more, item, at: item && item.at };
    item?.add(problem);
    model.problems.push(problem);
  }
  inOrder(model.problems);
}

function inOrder(problems) {
  problems.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || a.at - b.at);
}

function addRecording(model, facts, place) {
  const rows = {
    triples: new Rows("triple", place, facts.triples, facts.events, facts),
    plain: new Rows("plain", place, facts.plain, null, facts),
  };
  const loose = { ...facts.unsolicited, at: added(facts.unsolicited.at), record: added(facts.unsolicited.record) };
  const polls = { ...facts.polls, at: added(facts.polls.at) };
  const items = {
    triples: rows.triples.items(),
    plain: rows.plain.items(),
    unsolicited: Array.from(loose.at, (_, row) => new Loose(place, row, loose, facts)),
    polls: Array.from(polls.at, (_, row) => new Poll(row, polls, facts)),
  };
  items.events = items.triples.flatMap((triple) => triple.events);
  for (const [kind, row, code, severity, text, at] of facts.problems) {
    const problem = { item: items[kind][row], code, severity, text, at };
    problem.item.add(problem);
    push(model.problems, [problem]);
  }
  push(model.triples, items.triples);
  push(model.plain, items.plain);
  push(model.loose, items.unsolicited);
  push(model.polls, items.polls);
  push(model.sessions, facts.sessions.map(([label, at]) => ({ label, at })));
  push(model.notes, facts.notes.map(([at, kind, text]) => ({ at, kind, text })));
  const { name, keys, started, upstream, dialect, redaction, pollTimeout, before, ended, blocks } = facts;
  const requests = facts.requests && added(facts.requests);
  const usual = new Map(facts.usual);
  model.recordings.push({ name, keys, started, upstream, dialect, redaction, pollTimeout, before, ended, blocks, requests, usual, rows });
}

/** `list.push(...more)` for more than a call takes arguments. */
function push(list, more) {
  for (const item of more) list.push(item);
}

async function detailOf(model, blocks, item) {
  const { recording } = item;
  const { blocks: places } = model.recordings[recording];
  const kind = { triple: "triples", plain: "plain", loose: "unsolicited" }[item.kind];
  const content = await blocks.at(recording, places[kind], item.row);
  const number = (record) => numberOf(model.recordings[recording], record);
  return item.kind === "loose" ? openedLoose(content, number) : opened(content, item, number);
}

/** The number of the triple whose request is a record; `record N` where it is of none, as a first attempt. */
function numberOf({ requests, rows: { triples }, before }, record) {
  const column = requests ?? triples.record;
  const row = lastUpTo(column, record);
  if (row < 0 || column[row] !== record) return `record ${record}`;
  return requests ? before + row + 1 : triples.n[row];
}

/** The last place of a sorted column whose value is not above another; -1 if there is none. */
function lastUpTo(column, value) {
  let [low, high] = [0, column.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Items by their ids, which are not kept: of hundreds of thousands they would take more room than these. */
function idsOf(model) {
  const numbered = new Map(model.triples.map((triple) => [triple.id, triple]));
  const get = (id) => {
    const [, letter, number, place] = /^([xu]?)(\d+)(?:\.(\d+))?$/.exec(id ?? "") ?? [];
    if (number === undefined) return undefined;
    if (letter) return place === undefined ? (letter === "x" ? model.plain : model.loose)[number - 1] : undefined;
    const triple = numbered.get(number);
    return place === undefined ? triple : triple?.events[place - 1];
  };
  return { get, has: (id) => get(id) !== undefined };
}

/** How two recordings differ: by pair of triples, in the order they were told; null on a page of other recordings. */
function differencesOf(document, model) {
  if (!document.differences) return null;
  const pairs = new Map();
  for (const row of document.differences) {
    const key = row.n.join();
    const [old, now] = row.n.map((n) => (n ? (model.byId.get(String(n)) ?? null) : null));
    if (!pairs.has(key)) pairs.set(key, { old, now, rows: [] });
    pairs.get(key).rows.push(row);
  }
  for (const pair of pairs.values()) for (const triple of [pair.old, pair.now]) if (triple) triple.pair = pair;
  return [...pairs.values()];
}

/** Hues for ids: the same id has the same one everywhere, ids that follow each other differ well. */
function huesOf(triples) {
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
  let [began, ended] = [Infinity, -Infinity];
  for (const list of [triples, plain, loose, sessions, polls]) {
    for (const { at, end, closed } of list) {
      began = Math.min(began, at);
      ended = Math.max(ended, end ?? closed ?? at);
    }
  }
  return Number.isFinite(began) ? [began, Math.max(ended, began + 1000)] : [0, 1000];
}
