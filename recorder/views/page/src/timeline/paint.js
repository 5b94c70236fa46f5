// Draws the timeline. It is told all it needs, and decides nothing.

import { clock, duration } from "../format.js";
import { tripleOf } from "../data/model.js";
import { clipped } from "../text.js";
import { BAR } from "./lanes.js";

export const AXIS = 34; // pixels of its height
const DIM = 0.14;
const MOST_ARROWS = 300; // in sight; with more only those of what is selected or pointed at
const MOST_LABELS = 400;

/**
 * `scene`: the canvases' contexts (`context`, `axis`), what of the lanes is in sight (`scroll`, `height`) and of time
 * (`from`, `to`), `x` (moment to pixel), model, fold, layout, theme, matches, selected, hovered.
 */
export function paint(scene) {
  const { context, axis, width, height, scroll, layout } = scene;
  const lanes = layout.lanes.filter((lane) => lane.top <= scroll + height && lane.top + lane.height >= scroll);
  context.clearRect(0, 0, width, height);
  axis.clearRect(0, 0, width, AXIS);
  paintAxis(scene);
  context.save();
  context.translate(0, -scroll);
  paintGround(scene, lanes);
  paintFolds(scene);
  paintGrid(scene);
  const painters = { polls: paintPolls, plain: paintPlain, operations: paintOperations, channel: paintEvents };
  for (const lane of lanes) painters[lane.kind]?.(scene, lane);
  paintArrows(scene);
  context.restore();
}

const inSight = ({ x, width }, from, to) => x(to) >= -8 && x(from) <= width + 8;
const alphaOf = ({ matches }, triple) => (triple && !matches.has(triple.id) ? DIM : 1);

function paintGround({ context, width, theme }, lanes) {
  for (const { kind, top, height } of lanes) {
    context.fillStyle = kind === "group" ? theme.group : theme.lane;
    if (kind === "polls" || kind === "plain") continue;
    context.fillRect(0, top, width, height);
  }
}

function paintFolds({ context, axis, layout: { height }, width, x, fold, theme, font }) {
  axis.textAlign = "center";
  axis.font = font(11);
  for (const { from, to } of fold.folds) {
    const [left, right] = [x(from), x(to)];
    if (right < 0 || left > width) continue;
    context.fillStyle = theme.fold;
    context.fillRect(left, 0, Math.max(1, right - left), height);
    context.strokeStyle = theme.faint;
    context.setLineDash([2, 3]);
    line(context, left, 0, left, height);
    line(context, right, 0, right, height);
    context.setLineDash([]);
    if (right - left < 12) continue;
    const text = `⋯ ${duration(to - from)}`;
    axis.fillStyle = theme.muted;
    axis.fillText(axis.measureText(text).width < right - left + 30 ? text : "⋯", (left + right) / 2, 12);
  }
}

const momentsOf = ({ fold, from, to, width }) => fold.ticks(from, to, Math.max(2, width / 110));

function paintGrid(scene) {
  const { context, layout, x, theme } = scene;
  context.strokeStyle = theme.grid;
  for (const moment of momentsOf(scene)) {
    const at = Math.round(x(moment)) + 0.5;
    line(context, at, 0, at, layout.height);
  }
}

function paintAxis(scene) {
  const { axis, width, x, theme, font } = scene;
  const moments = momentsOf(scene);
  const fine = moments.some((moment) => moment % 1_000_000);
  axis.font = font(11);
  axis.textAlign = "center";
  axis.strokeStyle = theme.grid;
  axis.fillStyle = theme.muted;
  let free = -Infinity;
  for (const moment of moments) {
    const at = Math.round(x(moment)) + 0.5;
    line(axis, at, AXIS - 4, at, AXIS);
    const label = fine ? clock(moment) : clock(moment).slice(0, -4);
    const half = axis.measureText(label).width / 2;
    if (at - half < free || at - half < 0 || at + half > width) continue;
    axis.fillText(label, at, AXIS - 8);
    free = at + half + 14;
  }
}

function paintPolls(scene, { items, top, height }) {
  const { context, x, width, model, theme } = scene;
  for (const poll of items) {
    const end = poll.closed ?? model.ended;
    if (!inSight(scene, poll.at, end)) continue;
    const left = Math.max(-2, x(poll.at));
    const size = Math.max(1, Math.min(width + 2, x(end)) - left - 1);
    context.fillStyle = theme.hatch;
    context.fillRect(left, top, size, height);
    context.fillStyle = theme.faint;
    context.fillRect(left, top, 1, height);
    if (poll.failure === null) continue;
    context.fillStyle = theme.failed;
    context.fillRect(left + size - 2, top, 2, height);
  }
}

function paintPlain(scene, { items, top, height }) {
  const { context, x, theme, selected } = scene;
  for (const item of items) {
    if (!inSight(scene, item.at, item.end)) continue;
    context.fillStyle = item === selected ? theme.ink : theme.faint;
    context.fillRect(x(item.at), top + height / 2 - 4, Math.max(2, x(item.end) - x(item.at)), 8);
  }
}

function paintOperations(scene, lane) {
  const { context, x, width, model, theme, layout, selected, hovered } = scene;
  const shown = lane.items.filter((triple) => inSight(scene, triple.at, triple.answered === null ? model.ended : triple.end));
  const [chosen, pointed] = [tripleOf(selected), tripleOf(hovered)];
  for (const triple of shown) {
    const { middle } = layout.places.get(triple);
    const colour = theme[triple.state];
    context.globalAlpha = alphaOf(scene, triple);
    const left = x(triple.at);
    const right = Math.max(left + 3, x(triple.answered ?? model.ended));
    if (triple.lastEvent !== null && triple.lastEvent > (triple.answered ?? triple.at)) {
      context.strokeStyle = colour;
      context.lineWidth = 1.5;
      line(context, right, middle, x(triple.lastEvent), middle);
      line(context, x(triple.lastEvent), middle - 3, x(triple.lastEvent), middle + 3);
      context.lineWidth = 1;
    }
    context.fillStyle = colour;
    if (triple.status !== null) context.fillRect(left, middle - BAR / 2, right - left, BAR);
    else paintUnanswered(context, left, middle, Math.min(width + 4, right), colour);
    if (triple !== chosen && triple !== pointed) continue;
    context.strokeStyle = theme.ink;
    context.lineWidth = triple === chosen ? 2 : 1;
    context.strokeRect(left - 1.5, middle - BAR / 2 - 1.5, right - left + 3, BAR + 3);
    context.lineWidth = 1;
  }
  context.globalAlpha = 1;
  if (shown.length <= MOST_LABELS) paintLabels(scene, shown);
}

function paintUnanswered(context, left, middle, right, colour) {
  context.strokeStyle = colour;
  context.setLineDash([4, 3]);
  context.strokeRect(left + 0.5, middle - BAR / 2 + 0.5, Math.max(2, right - left - 1), BAR - 1);
  context.setLineDash([]);
}

/** The name above a bar, where there is room before that of the next one in its row. */
function paintLabels(scene, shown) {
  const { context, x, width, theme, layout, font } = scene;
  context.font = font(11);
  context.textAlign = "left";
  context.fillStyle = theme.text;
  const next = new Map(); // row → where its next bar begins
  for (const triple of [...shown].reverse()) {
    const { middle } = layout.places.get(triple);
    const left = Math.max(2, x(triple.at)); // of one that began before what is in sight, at the edge
    const room = (next.get(middle) ?? width) - left - 8;
    const last = !next.has(middle); // its number may stand further to the left
    const [whole, number] = textsOf(triple, context);
    const found = [whole, number].find(({ size }) => size <= room) ?? (last ? number : null);
    next.set(middle, left);
    if (found === null) continue;
    context.globalAlpha = alphaOf(scene, triple);
    context.fillText(found.text, left - Math.max(0, found.size - room), middle - BAR / 2 - 4);
  }
  context.globalAlpha = 1;
}

const known = new WeakMap();

/** What may stand above a bar, the longest first, with its width. */
function textsOf(triple, context) {
  if (!known.has(triple)) {
    const texts = [`${triple.n} ${clipped(triple.label, 40)}`, String(triple.n)];
    known.set(triple, texts.map((text) => ({ text, size: context.measureText(text).width })));
  }
  return known.get(triple);
}

function paintEvents(scene, lane) {
  const { context, x, layout, theme, selected, hovered } = scene;
  const chosen = tripleOf(selected);
  let last = null;
  for (const event of lane.items) {
    if (!inSight(scene, event.at, event.at)) continue;
    const at = x(event.at);
    const { middle } = layout.places.get(event);
    const marked = event === selected || event === hovered;
    const mine = event.triple && event.triple === chosen;
    const alpha = alphaOf(scene, event.triple);
    const look = `${Math.round(at)} ${alpha} ${event.kind} ${event.confidence < 1}`;
    if (look === last && !marked && !mine) continue; // what stands on one pixel is drawn once
    last = look;
    context.globalAlpha = alpha;
    diamond(context, at, middle, marked ? 7 : mine ? 6 : 4.5);
    context.lineWidth = 1.5;
    context.strokeStyle = event.kind === "loose" ? theme.muted : event.confidence < 1 ? theme.unsure : theme.event;
    context.fillStyle = event.kind === "loose" || event.confidence < 1 ? theme.ground : theme.event;
    context.fill();
    context.stroke();
    if (marked) {
      context.strokeStyle = theme.ink;
      context.stroke();
    }
    context.lineWidth = 1;
  }
  context.globalAlpha = 1;
}

function paintArrows(scene) {
  const { model, selected, hovered, context } = scene;
  const events = model.events.filter((event) => inSight(scene, event.triple.at, event.at));
  const strong = new Set([tripleOf(selected), tripleOf(hovered)]);
  const all = events.length <= MOST_ARROWS;
  for (const event of events) {
    const mine = strong.has(event.triple);
    if (all || mine) paintArrow(scene, event, mine);
  }
  context.globalAlpha = 1;
  context.lineWidth = 1;
  context.setLineDash([]);
}

function paintArrow(scene, event, strong) {
  const { context, x, layout, theme } = scene;
  const begin = layout.places.get(event.triple).middle + BAR / 2;
  const end = layout.places.get(event).middle - 6;
  const [from, to] = [x(event.triple.at), x(event.at)];
  const half = (end - begin) / 2;
  context.globalAlpha = alphaOf(scene, event.triple) * (strong ? 1 : 0.32);
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

function diamond(context, x, y, size) {
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
}

function line(context, x1, y1, x2, y2) {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}
