// The lines from where something was to where it is, and where those of a deviation cross.

import { svg, textScale } from "../../dom.js";

export const WIDTH = 112; // pixels between the two orders, of text of the usual size

/** The drawing beside rows of one height. */
export function moved({ moves, deviations }, rows, marks, height) {
  const width = WIDTH * textScale();
  const middle = new Map(); // of the row of an act
  rows.forEach(({ left, right }, place) => {
    for (const act of [left, right]) if (act) middle.set(act, (place + 0.5) * height);
  });
  const seen = moves.filter(({ left, right }) => middle.has(left) && middle.has(right));
  const parts = seen.map(({ left, right }) => path(middle.get(left), middle.get(right), width, [marks.has(left.name) && "named", !right.came && "held"]));
  const crossings = deviations.flatMap(({ names }) => crossing(names, rows, middle, width));
  const all = rows.length * height;
  return svg("svg", { class: "moves", width, height: all, viewBox: `0 0 ${width} ${all}` }, parts, crossings);
}

function path(from, to, width, classes) {
  const end = width - 7;
  const curve = svg("path", { d: `M0 ${from} C${end / 2} ${from} ${end / 2} ${to} ${end} ${to}` });
  const point = svg("path", { class: "point", d: `M${width} ${to} l-9 -5 v10 z` });
  return svg("g", { class: classes.filter(Boolean).join(" ") }, curve, point);
}

/** A ring where the lines of two acts cross: both curves have the same width, so the same share of their way. */
function crossing([one, other], rows, middle, width) {
  const [a, b] = [ends(one, rows, middle), ends(other, rows, middle)];
  if (!a || !b || (a[0] - b[0]) * (a[1] - b[1]) >= 0) return [];
  const share = (b[0] - a[0]) / (a[1] - a[0] - (b[1] - b[0])); // of the way down, which is 3t² - 2t³
  const t = 0.5 - Math.sin(Math.asin(1 - 2 * share) / 3);
  const x = (width - 7) * (1.5 * t - 1.5 * t * t + t * t * t);
  return [svg("circle", { class: "crossing", cx: x, cy: a[0] + (a[1] - a[0]) * share, r: 5 })];
}

/** Where the line of a name begins and ends; null where it does not do both. */
function ends(name, rows, middle) {
  const left = rows.find((row) => row.left?.name === name)?.left;
  const right = rows.find((row) => row.right?.name === name)?.right;
  return left && right ? [middle.get(left), middle.get(right)] : null;
}
