// What is drawn at a point of the timeline: an item, or a column of many.

import { columnAt } from "./density.js";

const NEAR = 7; // pixels
const MARKED = 5; // pixels beside the mark of a problem, which is on top

export function hitOf(scene, x, y) {
  const lane = scene.layout.lanes.find(({ top, height }) => y >= top - 2 && y <= top + height + 2);
  if (!lane || lane.first === undefined || (lane.kind === "group" && !lane.folded)) return null;
  if (!lane.dense) return nearest(scene, lane, x, y);
  const marked = (lane.all ?? [lane.series]).map((series) => markedAt(scene, series, x)).find(Boolean);
  if (marked) return marked;
  const { series } = lane;
  const [first, last] = columnAt(series, scene, x);
  if (last - first < 2) return series.items[first < last ? first : -1] ?? null;
  return { kind: "column", series, first, last, at: series.items[first].at, until: series.items[last - 1].at };
}

function markedAt({ at }, series, x) {
  let [best, nearest] = [null, MARKED];
  for (const i of series.bad) {
    const away = Math.abs(at(series.kind === "polls" ? series.end[i] : series.at[i]) - x);
    if (away < nearest) [best, nearest] = [series.items[i], away];
  }
  return best;
}

function nearest(scene, lane, x, y) {
  const { series, first, last } = lane;
  const { bar, middleOf, scale } = scene.layout;
  let [best, least] = [null, NEAR];
  for (let i = first; i < last; i++) {
    const off = y - middleOf(lane, series, i);
    if (lane.kind === "operations" && (off > bar / 2 + 2 || off < -bar / 2 - 16 * scale)) continue; // its name belongs to it
    const [left, right] = [scene.at(series.at[i]), scene.at(series.end[i])];
    const away = Math.max(left - x, x - right, 0) + (off < -bar / 2 - 2 ? 1 : 0);
    if (away < least || (away === least && away === 0)) [best, least] = [series.items[i], away]; // the later one is on top
  }
  return best;
}
