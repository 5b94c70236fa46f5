// Draws the marks of problems: last, so that nothing covers them, and at any zoom at least 3 pixels wide. An error is a
// full triangle or stroke, a warning a hollow one.

import { bisectLeft } from "d3-array";

import { inSight } from "./series.js";

export const GLYPH = 11; // pixels of a triangle's width
const THIN = 3; // of a stroke, where triangles would cover each other
const [WARNING, ERROR] = [2, 3];

/** Whether the marks of a lane have room for triangles. */
export function hasGlyphs(scene, { series }) {
  const [first, last] = badInSight(scene, series);
  return last - first <= scene.width / (2 * GLYPH);
}

/** The marks of a lane; of a folded session those of all its lanes. */
export function paintMarks(scene, lane) {
  if (lane.kind === "group" && !lane.folded) return;
  for (const severity of [WARNING, ERROR]) {
    for (const series of lane.all ?? [lane.series]) paintSeverity(scene, lane, series, severity);
  }
  scene.context.globalAlpha = 1;
}

function paintSeverity(scene, lane, series, severity) {
  const { context, at, theme, layout } = scene;
  const [first, last] = badInSight(scene, series);
  const large = lane.kind === "operations" && !lane.dense && hasGlyphs(scene, lane);
  const colour = severity === ERROR ? theme.error : theme.warning;
  let drawn = -Infinity; // where the last one stands: what falls on one place is drawn once
  for (let place = first; place < last; place++) {
    const i = series.bad[place];
    if (series.worst[i] !== severity || series.end[i] < scene.from || (series.fits !== null && !series.fits[i])) continue;
    const middle = at(series.kind === "polls" ? series.end[i] : series.at[i]); // a poll is lost at its end
    const left = Math.max(0, Math.round(middle) - 1);
    if (large) {
      const foot = layout.middleOf(lane, series, i) - layout.bar / 2;
      triangle(context, left, foot - (GLYPH + 1) * layout.scale, GLYPH * layout.scale, severity === ERROR, colour, theme.ground);
      continue;
    }
    if (left < drawn + THIN) continue;
    drawn = left;
    stroke(context, left, lane.top, severity === ERROR, colour, theme.ground, layout.scale);
  }
}

/** The places in `bad` of those that may be in sight. */
function badInSight({ from, to }, series) {
  const [first, last] = inSight(series, from, to);
  return [bisectLeft(series.bad, first), bisectLeft(series.bad, last)];
}

/** A mark with its point down and a stroke in it, as on a warning sign. */
export function triangle(context, left, top, size, full, colour, ground) {
  context.beginPath();
  context.moveTo(left + 0.5, top + 0.5);
  context.lineTo(left + size - 0.5, top + 0.5);
  context.lineTo(left + size / 2, top + size - 0.5);
  context.closePath();
  context.fillStyle = full ? colour : ground;
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.fill();
  context.stroke();
  context.lineWidth = 1;
}

/** A stroke with a rim, as what is below may be of a colour that some cannot tell from its own. */
function stroke(context, left, top, full, colour, ground, scale) {
  context.fillStyle = ground;
  context.fillRect(left - 1, top, THIN + 2, 8 * scale + 1);
  context.fillStyle = colour;
  context.fillRect(left, top, THIN, 8 * scale);
  if (full) return;
  context.fillStyle = ground;
  context.fillRect(left + 1, top + 1, THIN - 2, 8 * scale - 2);
}

