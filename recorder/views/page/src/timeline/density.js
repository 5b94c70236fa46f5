// How many items begin in each narrow column of the timeline, by their look: what is drawn where single ones would cover
// each other. The columns are bound to time and not to the screen, so that moving does not make them flicker.

import { bisectLeft } from "d3-array";

export const COLUMN = 3; // pixels
const LEAST = 4; // items that fill a column: one alone is not as high as many
const NEAR = 5; // pixels between items below which they are counted instead of drawn

/** Whether the items `[first, last)` of a series would cover each other on `width` pixels. */
export function isDense({ rows }, first, last, width) {
  return last - first > (width * rows) / NEAR;
}

/** The counts of the columns in sight: `counts[look][column]`, `dimmed[column]` of what does not fit the filter. */
export function densityOf({ at, look, fits }, looks, scene) {
  const whole = scene.transform.k * scene.width;
  const origin = Math.floor((scene.from * whole) / COLUMN);
  const columns = Math.ceil(scene.width / COLUMN) + 1;
  const counts = Array.from({ length: looks }, () => new Uint32Array(columns));
  const dimmed = new Uint32Array(columns);
  const totals = new Uint32Array(columns);
  const last = bisectLeft(at, ((origin + columns) * COLUMN) / whole);
  const scale = whole / COLUMN;
  for (let i = bisectLeft(at, (origin * COLUMN) / whole); i < last; i++) {
    const column = Math.max(0, Math.min(columns - 1, Math.floor(at[i] * scale) - origin));
    totals[column] += 1;
    if (fits === null || fits[i]) counts[look[i]][column] += 1;
    else dimmed[column] += 1;
  }
  return { counts, dimmed, totals, most: totals.reduce((a, b) => Math.max(a, b), LEAST), left: origin * COLUMN - scene.from * whole };
}

/** The items whose column covers a pixel: `[first, last)`. */
export function columnAt({ at }, scene, x) {
  const whole = scene.transform.k * scene.width;
  const column = Math.floor((scene.from * whole + x) / COLUMN);
  return [bisectLeft(at, (column * COLUMN) / whole), bisectLeft(at, ((column + 1) * COLUMN) / whole)];
}

/** Draw the columns upward from `bottom`, at most `height`; what is worst stands on top, and is never less than 3 pixels. */
export function paintDensity(context, { counts, dimmed, totals, most, left }, colours, { bottom, height, faint, mildest }) {
  const size = (column) => (totals[column] ? Math.max(3, height * Math.sqrt(totals[column] / most)) : 0);
  const filled = new Float64Array(totals.length);
  const layer = (values, colour, least) => {
    context.fillStyle = colour;
    for (let column = 0; column < values.length; column++) {
      if (!values[column]) continue;
      const share = Math.max(least, (size(column) * values[column]) / totals[column]);
      const top = Math.min(filled[column], Math.max(0, height - share)); // a share that was raised pushes into the others
      context.fillRect(left + column * COLUMN, bottom - top - share, COLUMN - 0.5, share);
      filled[column] = top + share;
    }
  };
  layer(dimmed, faint, 0);
  counts.forEach((values, look) => layer(values, colours[look], look >= mildest ? 3 : 0));
}
