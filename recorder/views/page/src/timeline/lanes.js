// Where things stand on the timeline, from top to bottom: for each session its operations, channels and polls.

export const BAR = 12;
const ROW = 30; // a name, and the bar below it
const MOST_ROWS = 8; // of operations that overlap; what is more shares the last one
const HEIGHTS = { group: 24, plain: 20, channel: 24, loose: 24, polls: 14 };
const GAP = 6;

/** The lanes, and the lane and row of each item. */
export function lanesOf(model) {
  const sessions = sessionsOf(model);
  const lanes = [];
  const places = new Map();
  let top = 0;
  const add = (kind, label, height, items = []) => {
    const lane = { kind, label, top, height, items };
    lanes.push(lane);
    top += height + (kind === "group" ? 0 : GAP);
    for (const item of items) places.set(item, { lane, middle: lane.top + height / 2 });
    return lane;
  };
  for (const session of sessions) {
    const of = (list) => list.filter((item) => (item.session ?? null) === session);
    if (sessions.length > 1) add("group", session === null ? "session unknown" : `session ${session}`, HEIGHTS.group);
    const triples = of(model.triples);
    if (triples.length) addOperations(add, places, triples);
    if (of(model.plain).length) add("plain", "other requests", HEIGHTS.plain, of(model.plain));
    for (const [channel, events] of byChannel(triples, of(model.loose))) {
      add("channel", channel, HEIGHTS.channel, events);
    }
    if (of(model.polls).length) add("polls", "polls", HEIGHTS.polls, of(model.polls));
  }
  return { lanes, places, height: top + GAP };
}

function addOperations(add, places, triples) {
  const rows = packed(triples);
  const count = Math.max(...rows.values()) + 1;
  const lane = add("operations", "operations", count * ROW, triples);
  for (const triple of triples) {
    places.set(triple, { lane, middle: lane.top + rows.get(triple) * ROW + ROW - BAR / 2 - 3 });
  }
}

/** The first row that is free when an operation begins. */
function packed(triples) {
  const ends = [];
  const rows = new Map();
  for (const triple of triples) {
    const free = ends.findIndex((end) => end < triple.at);
    const row = free < 0 ? Math.min(ends.length, MOST_ROWS - 1) : free;
    ends[row] = Math.max(ends[row] ?? 0, triple.end);
    rows.set(triple, row);
  }
  return rows;
}

function byChannel(triples, loose) {
  const channels = new Map();
  const all = [...triples.flatMap((triple) => triple.events), ...loose].sort((a, b) => a.at - b.at);
  for (const event of all) {
    if (!channels.has(event.channel)) channels.set(event.channel, []);
    channels.get(event.channel).push(event);
  }
  return channels;
}

function sessionsOf(model) {
  const named = model.sessions.map(({ label }) => label);
  const used = [...model.triples, ...model.plain, ...model.loose, ...model.polls].map(({ session }) => session ?? null);
  const seen = new Set(used);
  const known = new Set([...named.filter((label) => seen.has(label)), ...used.filter((label) => label !== null)]);
  return seen.has(null) ? [...known, null] : [...known];
}
