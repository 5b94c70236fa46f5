// What is drawn at a point of the timeline.

import { BAR } from "./lanes.js";

const NEAR = 7; // pixels

export function hitOf(scene, x, y) {
  const lane = scene.layout.lanes.find(({ top, height }) => y >= top - 2 && y <= top + height + 2);
  if (!lane) return null;
  const ends = lane.kind === "channel" ? (event) => [event.at, event.at] : (item) => [item.at, endOf(scene, item)];
  let [best, nearest] = [null, NEAR];
  for (const item of lane.items) {
    const place = scene.layout.places.get(item);
    if (lane.kind === "operations" && Math.abs(y - place.middle) > BAR / 2 + 2) continue;
    const [left, right] = ends(item).map(scene.x);
    const away = Math.max(left - x, x - right, 0);
    if (away < nearest || (away === nearest && away === 0)) [best, nearest] = [item, away]; // the later one is on top
  }
  return best;
}

function endOf({ model }, item) {
  if (item.closed !== undefined) return item.closed ?? model.ended; // a poll
  return item.answered === null ? model.ended : item.end;
}
