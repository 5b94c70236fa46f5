// The model of a live page: as that of a recording (see model.js), but it begins empty and takes deltas as they come.
//
// A delta is `{id, reset?, add: [row…], change: [row…], remove: [id…], notes, polls, sessions, misses, usual, facts?, state}`.

import { parse } from "./filter.js";
import { read } from "./json.js";
import { listed } from "../text.js";

/** The model of what a server shows live. */
export async function liveModelOf(source) {
  const facts = await source.ask("rows");
  const details = new Map(); // by item: what was asked for, until it changes
  const listeners = [];
  const model = {
    source,
    live: { kind: facts.live, state: {}, heardAt: performance.now(), connection: "begun", misses: [], usual: new Map(), clients: [] },
    title: facts.title,
    recordings: [{ name: facts.title, keys: facts.keys, upstream: facts.upstream, dialect: facts.dialect, redaction: facts.redaction, started: facts.started, sessions: [] }],
    keys: new Set(facts.keys),
    differences: null,
    started: facts.started || null,
    matching: async (expression) => fitting(model, expression),
    listen: (listener) => listeners.push(listener),
    /** Microseconds on the clock of what goes on. */
    now: () => timeOf(model.live),
    async detail(item) {
      if (!details.has(item)) details.set(item, heavyOf(await source.ask("block", { k: item.block })));
      return details.get(item);
    },
    /** Take what changed; those who listen are told. */
    apply(delta) {
      if (delta.reset) empty(model, details);
      take(model, delta, details);
      for (const listener of listeners) listener(delta);
    },
    connected(how) {
      model.live.connection = how;
      for (const listener of listeners) listener(null);
    },
  };
  empty(model, details);
  return model;
}

function empty(model, details) {
  Object.assign(model, { sessions: [], triples: [], plain: [], loose: [], events: [], polls: [], notes: [], problems: [] });
  Object.assign(model, { byId: new Map(), ids: new Map(), began: 0, ended: 1000 });
  Object.assign(model.live, { misses: [], usual: new Map(), clients: [] });
  details.clear();
}

function take(model, { add = [], change = [], remove = [], ...more }, details) {
  const { live } = model;
  if (more.facts) {
    Object.assign(model.recordings[0], more.facts);
    model.keys = new Set(more.facts.keys);
  }
  const gone = new Set(remove);
  if (gone.size) {
    for (const id of gone) forget(model, model.byId.get(id), details);
    for (const name of ["triples", "plain", "loose"]) model[name] = model[name].filter(({ id }) => !gone.has(id));
  }
  for (const row of change) {
    const item = model.byId.get(row.id);
    if (!item) continue;
    forget(model, item, details);
    know(model, Object.assign(item, itemOf(row, item)));
  }
  for (const row of add) {
    const item = {};
    know(model, Object.assign(item, itemOf(row, item)));
    model[{ triple: "triples", plain: "plain", loose: "loose" }[row.kind]].push(item);
  }
  for (const name of ["triples", "plain", "loose"]) inOrder(model[name]);
  for (const [label, at] of more.sessions ?? []) model.sessions.push({ label, at });
  model.notes.push(...(more.notes ?? []));
  model.polls.push(...(more.polls ?? []).map(pollOf));
  live.misses.push(...(more.misses ?? []));
  for (const list of [model.notes, model.polls, live.misses]) list.splice(0, list.length - 500);
  for (const [name, usual] of Object.entries(more.usual ?? {})) live.usual.set(name, usual);
  if (more.state) Object.assign(live, { state: { ...live.state, ...more.state }, heardAt: performance.now() });
  if (more.state?.started) model.started = model.recordings[0].started = more.state.started;
  summarise(model);
}

/** What follows from all items together. */
function summarise(model) {
  const { triples, plain, loose, polls, live } = model;
  model.events = triples.flatMap(({ events }) => events);
  const wrong = [...triples, ...model.events, ...plain, ...loose, ...polls].flatMap(({ problems }) => problems);
  const order = { error: 0, warning: 1, info: 2 };
  model.problems = wrong.sort((a, b) => order[a.severity] - order[b.severity] || a.at - b.at);
  const first = [triples, plain, loose].map((list) => list[0]?.at ?? Infinity);
  const began = Math.min(...first);
  const last = [...triples, ...plain].reduce((most, { end }) => Math.max(most, end), live.state.now ?? 0);
  [model.began, model.ended] = Number.isFinite(began) ? [began, Math.max(last, began + 1000)] : [0, 1000];
}

function know(model, item) {
  for (const one of [item, ...(item.events ?? [])]) model.byId.set(one.id, one);
  for (const id of [item.handle, item.reference]) {
    if (id != null && !model.ids.has(id)) model.ids.set(id, Math.round((model.ids.size * 137.508) % 360)); // the golden angle
  }
}

function forget(model, item, details) {
  if (!item) return;
  details.delete(item);
  for (const one of [item, ...(item.events ?? [])]) model.byId.delete(one.id);
}

function inOrder(list) {
  if (list.some(({ at }, place) => place && at < list[place - 1].at)) list.sort((a, b) => a.at - b.at);
}

/** The problems of an item, which may be told anew. */
const problemsOf = (row, item) => row.problems.map((problem) => ({ ...problem, item, at: row.at }));

function pollOf(row) {
  const poll = { ...row };
  poll.problems = problemsOf(row, poll);
  return poll;
}

function itemOf(row, item) {
  const problems = problemsOf(row, item);
  if (row.kind === "loose") return { ...row, problems };
  const keys = new Map(Object.entries(row.keys));
  const events = row.events.map((told, place) => {
    const event = { ...told, kind: "event", id: `${row.id}.${row.before + place + 1}`, place, triple: item };
    event.problems = problemsOf(told, event);
    return event;
  });
  const lastEvent = events.at(-1)?.at ?? null;
  const [handle, reference] = ["handle", "reference"].map((name) => listed(keys.get(name) ?? null));
  const end = Math.max(row.at, row.answered ?? 0, lastEvent ?? 0);
  return { ...row, keys, events, problems, handle, reference, lastEvent, end, label: row.operation ?? `${row.method} ${row.target}` };
}

/** The content of an item, from the text of its JSON, which is read exactly. */
function heavyOf({ text }) {
  const full = Object.fromEntries(read(text));
  if (full.kind === "loose") return { data: full.data, others: [] };
  const events = full.events.map((event) => ({ others: [], rivals: [], why: "", ...Object.fromEntries(event) }));
  return { headers: full.headers, body: full.body, ack: full.ack && Object.fromEntries(full.ack), failure: full.failure, events };
}

/** The ids of the triples that fit a filter, without their bodies: a live page does not ask for those of all. */
function fitting({ triples, keys }, expression) {
  try {
    const fits = parse(expression, keys);
    return { ids: new Set(triples.filter((triple) => fits(lightly(triple))).map(({ id }) => id)), error: "" };
  } catch (error) {
    if (error.column === undefined) throw error;
    return { ids: new Set(triples.map(({ id }) => id)), error: error.message };
  }
}

/** A triple in the shape that a filter judges: that of `recorder ls --json`. */
function lightly(triple) {
  const { n, at, operation, handle, session, state, keys, method, target, status, answered } = triple;
  const ms = (moment) => (moment - at) / 1000;
  const events = triple.events.map(({ name, channel, rule, confidence, at: moment }) => ({ name, channel, rule, confidence, offset_ms: ms(moment), data: null }));
  const ack = status === null ? null : { status, ms: ms(answered), body: null };
  const request = { method, path: target, body: null };
  return { n, at: at / 1e6, operation, handle, referenceId: triple.reference, session, state, keys, request, ack, events };
}

function timeOf({ state, heardAt, connection }) {
  const goes = connection === "open" && state.phase !== "ended" && !state.paused && state.clock !== "virtual";
  return (state.now ?? 0) + (goes ? (performance.now() - heardAt) * 1000 : 0);
}
