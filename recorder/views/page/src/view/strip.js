// A strip: a mark for each triple, at its latency on a logarithmic scale, or how many there are; lines at median and p95.

import { h } from "../dom.js";
import { duration } from "../format.js";
import { latency } from "./quantiles.js";

const HEIGHT = 34;
const MANY = 2000; // triples from which on their density is drawn
const COLUMN = 3; // px
const NEAR = 8; // px in which a click finds a triple

/** A strip of triples; `scale` is `[least, most]` in ms, `choose(id)` takes the triple that is clicked. */
export function stripOf(triples, kind, { spread, scale: [least, most], choose, label }) {
  const canvas = h("canvas", { class: "latencies", role: "img", "aria-label": label });
  const points = triples.map((triple) => ({ triple, ms: latency(triple, kind) })).filter(({ ms }) => ms !== null);
  const place = (ms, width) => 4 + (width - 8) * ((Math.log(Math.max(ms, least)) - Math.log(least)) / (Math.log(most) - Math.log(least) || 1));

  function draw() {
    const width = canvas.clientWidth;
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = HEIGHT * ratio;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    context.scale(ratio, ratio);
    context.fillStyle = style.getPropertyValue("--grid");
    context.fillRect(0, HEIGHT / 2, width, 1);
    if (points.length > MANY) drawDensity(context, style, width);
    else drawMarks(context, style, width);
    context.globalAlpha = 1;
    context.fillStyle = style.getPropertyValue("--ink");
    for (const [ms, top] of [[spread.p50, 3], [spread.p95, 3]]) context.fillRect(place(ms, width), top, 1.5, HEIGHT - 2 * top);
  }

  function drawMarks(context, style, width) {
    context.globalAlpha = 0.7;
    for (const { triple, ms } of points) {
      context.fillStyle = style.getPropertyValue(ms > spread.p95 ? "--unsure" : "--event");
      context.fillRect(place(ms, width) - 1, 8 + ((triple.n * 7) % 13), 3, 6);
    }
  }

  /** Columns in place of marks that would cover each other: the higher, the more triples; a single one is seen. */
  function drawDensity(context, style, width) {
    const counts = new Map();
    for (const { ms } of points) {
      const x = Math.floor(place(ms, width) / COLUMN) * COLUMN;
      const known = counts.get(x) ?? { count: 0, isLate: false };
      counts.set(x, { count: known.count + 1, isLate: known.isLate || ms > spread.p95 });
    }
    const most = Math.max(...[...counts.values()].map(({ count }) => count));
    for (const [x, { count, isLate }] of counts) {
      const height = Math.max(3, (HEIGHT - 8) * (count / most));
      context.fillStyle = style.getPropertyValue(isLate ? "--unsure" : "--event");
      context.fillRect(x, (HEIGHT - height) / 2, COLUMN, height);
    }
  }

  function nearest(event) {
    const width = canvas.clientWidth;
    let best = null;
    for (const point of points) {
      const far = Math.abs(place(point.ms, width) - event.offsetX);
      if (far <= NEAR && (best === null || far < best.far)) best = { ...point, far };
    }
    return best;
  }

  canvas.addEventListener("click", (event) => {
    const found = nearest(event);
    if (found) choose(found.triple.id);
  });
  canvas.addEventListener("mousemove", (event) => {
    const found = nearest(event);
    canvas.title = found ? `triple ${found.triple.n}: ${duration(found.ms * 1000)}` : "";
  });
  new ResizeObserver(draw).observe(canvas);
  return canvas;
}
