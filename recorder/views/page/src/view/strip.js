// A strip: one mark for each triple, at its latency on a logarithmic scale; lines at the median and at p95.

import { h } from "../dom.js";
import { duration } from "../format.js";
import { latency } from "./quantiles.js";

const HEIGHT = 34;
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
    for (const isLate of [false, true]) {
      context.fillStyle = style.getPropertyValue(isLate ? "--unsure" : "--event");
      context.globalAlpha = Math.max(0.12, Math.min(0.8, 40 / points.length));
      for (const { triple, ms } of points) {
        if (ms > spread.p95 !== isLate) continue;
        if (isLate) context.globalAlpha = 0.9;
        context.fillRect(place(ms, width) - 1, 8 + ((triple.n * 7) % 13), 3, 6);
      }
    }
    context.globalAlpha = 1;
    context.fillStyle = style.getPropertyValue("--ink");
    for (const [ms, top] of [[spread.p50, 3], [spread.p95, 3]]) context.fillRect(place(ms, width), top, 1.5, HEIGHT - 2 * top);
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
