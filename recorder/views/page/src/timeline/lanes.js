// Where things stand on the timeline, from top to bottom: for each session its operations, channels and polls. Sessions
// and lanes may be folded, to a line that tells how busy they were, or hidden.

import { group } from "d3-array";

import { indexOf, laneKeyOf, sessionKeyOf, sessionOf } from "./series.js";

export const BAR = 12;
const ROW = 30; // a name, and the bar below it
const FOLDED = 16;
const HEIGHTS = { group: 26, plain: 20, channel: 26, polls: 14 };
const GAP = 6;

/**
 * The lanes: `{kind, key, label, top, height, series, folded}`; a session has a lane of kind "group" where there are
 * several. `folded` and `hidden` are keys of sessions and lanes, `scale` is 2 where text is twice as large.
 */
export function lanesOf(series, { fold, folded, hidden, scale = 1 }) {
  const lanes = [];
  let top = 0;
  const add = (lane, height, gap) => {
    lanes.push({ ...lane, top, height: height * scale });
    top += (height + gap) * scale;
  };
  const sessions = [...group(series, ({ session }) => session)];
  for (const [session, all] of sessions) {
    const key = sessionKeyOf(session);
    if (hidden.has(key)) continue;
    const shut = sessions.length > 1 && folded.has(key);
    const label = session === null ? "session unknown" : `session ${session}`;
    if (sessions.length > 1) add({ kind: "group", key, label, all, folded: shut, series: all[0] }, HEIGHTS.group, shut ? 2 : 0);
    for (const one of shut ? [] : all) {
      if (hidden.has(one.key)) continue;
      const { kind, name } = one;
      const high = kind === "operations" ? one.rows * ROW : HEIGHTS[kind];
      const small = folded.has(one.key);
      add({ kind, key: one.key, label: name, series: one, folded: small }, small ? FOLDED : high, GAP);
    }
  }
  const byKey = new Map(lanes.map((lane) => [lane.key, lane]));
  const ofSeries = new Map(series.map((one) => [one.key, one]));

  /** Where an item is: `{lane, middle, series, index}`; null if its lane is hidden. */
  function placeOf(item) {
    const key = laneKeyOf(item);
    const own = ofSeries.get(key);
    if (!own) return null;
    const group = byKey.get(sessionKeyOf(sessionOf(item)));
    const lane = group?.folded ? group : byKey.get(key);
    if (!lane) return null;
    const index = indexOf(own, item, fold.place);
    return { lane, series: own, index, middle: index < 0 ? lane.top + lane.height / 2 : middleOf(lane, own, index) };
  }

  /** The middle of an item's bar or mark. */
  function middleOf(lane, own, index) {
    if (lane.kind !== "operations" || lane.folded) return lane.top + lane.height / 2;
    return lane.top + ((own.row[index] + 1) * ROW - BAR / 2 - 3) * scale;
  }

  return { lanes, height: top + GAP * scale, scale, bar: BAR * scale, placeOf, middleOf };
}

/** How many operations, events and so on of some series have an error, and how many a warning at most. */
export function troublesOf(all) {
  const found = { errors: 0, warnings: 0 };
  for (const { bad, worst } of all) for (const i of bad) found[worst[i] > 2 ? "errors" : "warnings"] += 1;
  return found;
}
