// Draws operations one by one: a bar from request to ack whose shape tells its state, and a line on to its last event.

import { tripleOf } from "../data/model.js";
import { clipped } from "../text.js";
import { GLYPH, hasGlyphs } from "./marks.js";

export const DIM = 0.14; // the strength of what does not fit the filter
const MOST_LABELS = 400;

export function paintOperations(scene, lane) {
  const { context, at, theme, layout, selected, hovered } = scene;
  const { series, first, last } = lane;
  const [chosen, pointed] = [tripleOf(selected), tripleOf(hovered)];
  const shown = [];
  for (let i = first; i < last; i++) {
    if (series.end[i] < scene.from - scene.margin) continue;
    const triple = series.items[i];
    const middle = layout.middleOf(lane, series, i);
    shown.push({ triple, middle, left: at(series.at[i]), marked: series.worst[i] > 1 });
    context.globalAlpha = series.fits === null || series.fits[i] ? 1 : DIM;
    paintOperation(scene, triple, shown.at(-1).left, middle);
    if (triple !== chosen && triple !== pointed) continue;
    const right = rightOf(scene, triple, shown.at(-1).left);
    context.strokeStyle = theme.ink;
    context.lineWidth = triple === chosen ? 2 : 1;
    context.strokeRect(shown.at(-1).left - 1.5, middle - layout.bar / 2 - 1.5, right - shown.at(-1).left + 3, layout.bar + 3);
    context.lineWidth = 1;
  }
  context.globalAlpha = 1;
  if (shown.length <= MOST_LABELS) paintLabels(scene, lane, shown);
}

const rightOf = ({ x, model }, triple, left) => Math.max(left + 3, x(triple.answered ?? model.ended));

function paintOperation(scene, triple, left, middle) {
  const { context, x, width, theme, layout } = scene;
  const colour = theme[triple.state] ?? theme.text;
  const right = rightOf(scene, triple, left);
  if (triple.lastEvent !== null && triple.lastEvent > (triple.answered ?? triple.at)) {
    const end = x(triple.lastEvent);
    context.fillStyle = colour;
    context.fillRect(right, middle - 0.75, Math.max(0, end - right), 1.5);
    context.fillRect(end - 0.75, middle - 3.5, 1.5, 7);
  }
  const from = Math.max(-4, left);
  bar(context, triple.state, from, middle - layout.bar / 2, Math.max(3, Math.min(width + 4, right) - from), layout.bar, { colour, ground: theme.ground });
}

/** A bar in the shape of a state: full, half full, crossed, dashed, struck through. */
export function bar(context, state, left, top, width, height, { colour, ground }) {
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = 1.5;
  const inner = [left + 0.75, top + 0.75, Math.max(1.5, width - 1.5), height - 1.5];
  if (state === "complete" || state === "failed") context.fillRect(left, top, width, height);
  else {
    context.fillStyle = ground;
    context.fillRect(...inner);
    context.fillStyle = colour;
    context.setLineDash(state === "unacked" ? [4, 3] : []);
    context.strokeRect(...inner);
    context.setLineDash([]);
  }
  if (state === "acked") context.fillRect(left, top + height / 2, width, height / 2);
  if (width < 8) return;
  if (state === "failed") cross(context, left + Math.min(width / 2, height / 2 + 2), top + height / 2, height / 4, ground);
  if (state === "aborted") strike(context, left, top, width, height);
}

function cross(context, x, y, size, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x - size, y - size);
  context.lineTo(x + size, y + size);
  context.moveTo(x - size, y + size);
  context.lineTo(x + size, y - size);
  context.stroke();
  context.lineWidth = 1;
}

function strike(context, left, top, width, height) {
  context.beginPath();
  for (let x = left + 3; x + height < left + width + 3; x += 8) {
    context.moveTo(x, top + height - 2);
    context.lineTo(Math.min(x + height - 4, left + width - 1), top + 2);
  }
  context.lineWidth = 1;
  context.stroke();
}

/** The name above a bar, where there is room before that of the next one in its row. */
function paintLabels(scene, lane, shown) {
  const { context, width, theme, layout, font, matches } = scene;
  const room = hasGlyphs(scene, lane) ? (GLYPH + 3) * layout.scale : 0; // for the mark of a problem
  context.font = font(11);
  context.textAlign = "left";
  context.fillStyle = theme.text;
  const next = new Map(); // row → where its next bar begins
  for (const { triple, middle, left, marked } of shown.reverse()) {
    const from = Math.max(2, left) + (marked ? room : 0); // of one that began before what is in sight, at the edge
    const space = (next.get(middle) ?? width) - from - 8;
    const last = !next.has(middle); // its number may stand further to the left
    const [whole, number] = textsOf(triple, context);
    const found = [whole, number].find(({ size }) => size <= space) ?? (last && !marked ? number : null);
    const begin = from - Math.max(0, (found?.size ?? 0) - space);
    next.set(middle, Math.min(Math.max(2, left), begin));
    if (found === null) continue;
    context.globalAlpha = matches.has(triple.id) ? 1 : DIM;
    context.fillText(found.text, begin, middle - layout.bar / 2 - 4);
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
