// Draws the timeline. It is told all it needs, and decides nothing.

import { clock, duration } from "../format.js";
import { paintOperations } from "./bars.js";
import { densityOf, isDense, paintDensity } from "./density.js";
import { paintArrows, paintEvents } from "./events.js";
import { paintMarks } from "./marks.js";
import { inSight, LOOKS } from "./series.js";

export const AXIS = 34; // pixels of its height

/**
 * `scene`: the canvases' contexts (`context`, `axis`), what of the lanes is in sight (`scroll`, `height`) and of time
 * (`from`, `to`), `x` (moment to pixel) and `at` (place to pixel), model, fold, layout, theme, matches, selected, hovered.
 */
export function paint(scene) {
  const { context, axis, width, height, scroll, layout } = scene;
  const lanes = layout.lanes.filter((lane) => lane.top <= scroll + height && lane.top + lane.height >= scroll);
  context.clearRect(0, 0, width, height);
  axis.clearRect(0, 0, width, AXIS * layout.scale);
  paintAxis(scene);
  context.save();
  context.translate(0, -scroll);
  paintGround(scene, lanes);
  paintFolds(scene);
  paintGrid(scene);
  for (const lane of lanes) paintLane(scene, lane);
  paintArrows(scene, lanes);
  for (const lane of lanes) paintMarks(scene, lane);
  for (const item of new Set([scene.hovered, scene.selected])) if (item) paintChosen(scene, item);
  context.restore();
}

function paintLane(scene, lane) {
  if (lane.kind === "group" && !lane.folded) return;
  const { series, folded } = lane;
  const [first, last] = inSight(series, scene.from - scene.margin, scene.to + scene.margin);
  lane.first = first;
  lane.last = last;
  lane.dense = folded || isDense(series, first, last, scene.width);
  if (lane.dense) return paintBusy(scene, lane);
  const painters = { polls: paintPolls, plain: paintPlain, operations: paintOperations, channel: paintEvents };
  painters[lane.kind](scene, lane);
}

/** What is selected among many that are only counted. */
function paintChosen({ context, layout, theme, x }, item) {
  const place = item.kind === "column" ? null : layout.placeOf(item);
  if (!place?.lane.dense) return;
  context.fillStyle = theme.ink;
  context.fillRect(x(item.at) - 1, place.lane.top, 3, place.lane.height);
}

/** Where single items would cover each other: how many there are. */
function paintBusy(scene, { series, top, height, kind, folded }) {
  const { context, theme, layout } = scene;
  const looks = LOOKS[series.kind];
  const shape = densityOf(series, looks.length, scene);
  const colours = looks.map((look) => theme[COLOURS[look] ?? look]);
  const room = kind === "group" || folded ? 4 : 9 * layout.scale; // above, for the marks
  const mildest = series.kind === "operations" ? 2 : looks.length;
  const size = Math.min(height - room, 60 * layout.scale);
  paintDensity(context, shape, colours, { bottom: top + height - 1, height: size, faint: theme.grid, mildest });
}

const COLOURS = { answered: "faint", unanswered: "failed", sure: "event", unsure: "unsure", loose: "muted", held: "faint", lost: "failed" };

function paintGround({ context, width, theme }, lanes) {
  for (const { kind, top, height, folded } of lanes) {
    context.fillStyle = kind === "group" ? theme.group : theme.lane;
    if ((kind === "polls" || kind === "plain") && !folded) continue;
    context.fillRect(0, top, width, height);
  }
}

function paintFolds({ context, axis, layout: { height, scale }, width, x, fold, theme, font }) {
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
    if (axis.measureText(text).width < right - left + 24) axis.fillText(text, (left + right) / 2, 12 * scale);
  }
}

function paintGrid(scene) {
  const { context, layout, theme, x } = scene;
  context.strokeStyle = theme.grid;
  for (const moment of momentsOf(scene)) {
    const at = Math.round(x(moment)) + 0.5;
    line(context, at, 0, at, layout.height);
  }
}

const momentsOf = ({ fold, from, to, width, layout }) => fold.ticks(from, to, Math.max(1, Math.round(width / 110 / layout.scale)));

function paintAxis(scene) {
  const { axis, width, x, theme, font, layout } = scene;
  const moments = momentsOf(scene);
  const fine = moments.some((moment) => moment % 1_000_000);
  const foot = AXIS * layout.scale;
  axis.font = font(11);
  axis.textAlign = "center";
  axis.strokeStyle = theme.grid;
  axis.fillStyle = theme.muted;
  let free = -Infinity;
  for (const moment of moments) {
    const at = Math.round(x(moment)) + 0.5;
    line(axis, at, foot - 4, at, foot);
    const label = fine ? clock(moment) : clock(moment).slice(0, -4);
    const half = axis.measureText(label).width / 2;
    if (at - half < free || at - half < 0 || at + half > width) continue;
    axis.fillText(label, at, foot - 8);
    free = at + half + 14;
  }
}

function paintPolls(scene, { series, first, last, top, height }) {
  const { context, at, width, theme } = scene;
  for (let i = first; i < last; i++) {
    if (series.end[i] < scene.from) continue;
    const left = Math.max(-2, at(series.at[i]));
    const size = Math.max(1, Math.min(width + 2, at(series.end[i])) - left - 1);
    context.fillStyle = theme.hatch;
    context.fillRect(left, top, size, height);
    context.fillStyle = theme.faint;
    context.fillRect(left, top, 1, height);
    if (!series.look[i]) continue;
    context.fillStyle = theme.failed;
    context.fillRect(left + size - 3, top, 3, height);
  }
}

function paintPlain(scene, { series, first, last, top, height }) {
  const { context, at, theme, selected, layout } = scene;
  const size = 8 * layout.scale;
  for (let i = first; i < last; i++) {
    const [left, right] = [at(series.at[i]), at(series.end[i])];
    if (right < -8) continue;
    context.fillStyle = context.strokeStyle = series.items[i] === selected ? theme.ink : theme.faint;
    if (series.look[i]) context.strokeRect(left + 0.5, top + (height - size) / 2 + 0.5, Math.max(3, right - left) - 1, size - 1);
    else context.fillRect(left, top + (height - size) / 2, Math.max(3, right - left), size);
  }
}

function line(context, x1, y1, x2, y2) {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}
