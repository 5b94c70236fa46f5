// Draws events one by one, and the arrows to them from their requests. A full diamond is a certain link, a hollow one
// an uncertain link, a hollow circle an event nobody asked for.

import { tripleOf } from "../data/model.js";
import { DIM } from "./bars.js";

const MOST_ARROWS = 300; // in sight; with more only those of what is selected or pointed at

export function paintEvents(scene, lane) {
  const { context, at, layout, theme, selected, hovered } = scene;
  const { series, first, last } = lane;
  const chosen = tripleOf(selected);
  const middle = lane.top + lane.height / 2;
  for (let i = first; i < last; i++) {
    const event = series.items[i];
    const marked = event === selected || event === hovered;
    const mine = event.triple && event.triple === chosen;
    const size = (marked ? 7 : mine ? 6 : 4.5) * layout.scale;
    context.globalAlpha = series.fits === null || series.fits[i] ? 1 : DIM;
    if (event.kind === "loose") circle(context, at(series.at[i]), middle, size - 0.5);
    else diamond(context, at(series.at[i]), middle, size);
    context.lineWidth = 1.5;
    context.strokeStyle = event.kind === "loose" ? theme.muted : event.confidence < 1 ? theme.unsure : theme.event;
    context.fillStyle = event.kind === "loose" || event.confidence < 1 ? theme.ground : theme.event;
    context.fill();
    if (marked) context.strokeStyle = theme.ink;
    context.stroke();
    context.lineWidth = 1;
  }
  context.globalAlpha = 1;
}

/** Arrows where they can be told apart, and always those of what is selected or pointed at. */
export function paintArrows(scene, lanes) {
  const { context, selected, hovered, matches } = scene;
  const strong = [...new Set([tripleOf(selected), tripleOf(hovered)])].filter((triple) => triple?.kind === "triple");
  const channels = lanes.filter((lane) => lane.kind === "channel" && !lane.dense);
  const count = channels.reduce((sum, { first, last }) => sum + last - first, 0);
  if (count <= Math.min(MOST_ARROWS, scene.width / 6)) {
    for (const lane of channels) {
      for (const event of lane.series.items.slice(lane.first, lane.last)) {
        if (event.kind === "loose" || strong.includes(event.triple)) continue;
        context.globalAlpha = (matches.has(event.triple.id) ? 1 : DIM) * 0.45;
        paintArrow(scene, event, false);
      }
    }
  }
  context.globalAlpha = 1;
  for (const triple of strong) for (const event of triple.events) paintArrow(scene, event, true);
  context.lineWidth = 1;
  context.setLineDash([]);
}

function paintArrow(scene, event, strong) {
  const { context, x, layout, theme } = scene;
  const [request, arrived] = [layout.placeOf(event.triple), layout.placeOf(event)];
  if (!request || !arrived || request.lane === arrived.lane) return;
  const begin = request.middle + layout.bar / 2;
  const end = arrived.middle - 6;
  const [from, to] = [x(event.triple.at), x(event.at)];
  const half = (end - begin) / 2;
  context.lineWidth = strong ? 1.5 : 1;
  context.strokeStyle = context.fillStyle = strong ? theme.ink : event.confidence < 1 ? theme.unsure : theme.event;
  context.setLineDash(event.confidence < 1 ? [4, 3] : []);
  context.beginPath();
  context.moveTo(from, begin);
  context.bezierCurveTo(from, begin + half, to, end - half, to, end - 3);
  context.stroke();
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(to, end + 1);
  context.lineTo(to - 3, end - 5);
  context.lineTo(to + 3, end - 5);
  context.fill();
}

function circle(context, x, y, size) {
  context.beginPath();
  context.arc(x, y, size, 0, 2 * Math.PI);
  context.closePath();
}

function diamond(context, x, y, size) {
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
}
