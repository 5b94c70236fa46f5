// The whole session on a narrow strip: how busy it was, where something is wrong, and which part the timeline shows.
// Dragging chooses another part.

import { sized } from "./canvas.js";
import { momentOf } from "./series.js";

const HEIGHT = 44;
const MARK = 10; // pixels: the height of a mark; errors stand above warnings
const THIN = 3; // its width, at least

export function overviewOf(canvas, { show }) {
  let [from, to] = [0, 1]; // of the whole width
  let counts = [];
  let marks = [];
  let scale = { width: 0, height: HEIGHT, unit: 1, context: null };
  let brush = null;
  let folds = [];

  /** Count anew, for another width or another model. */
  function resize(width, unit, { model, fold }) {
    scale = { width, unit, height: HEIGHT * unit, context: sized(canvas, width, HEIGHT * unit) };
    folds = fold.folds;
    counts = new Float64Array(Math.max(1, Math.floor(width / 3)));
    for (const list of [model.triples, model.events, model.loose]) {
      for (const { at } of list) counts[Math.min(counts.length - 1, Math.floor(fold.place(at) * counts.length))] += 1;
    }
    marks = marksOf(model, fold, width);
  }

  function draw(theme, window) {
    [from, to] = window;
    const { context, width, height, unit } = scale;
    const most = counts.reduce((a, b) => Math.max(a, b), 1);
    const room = height - 2 * MARK * unit - 2;
    context.clearRect(0, 0, width, height);
    context.fillStyle = theme.fold;
    for (const { left, right } of folds) context.fillRect(left * width, 0, (right - left) * width, height);
    context.fillStyle = theme.busy;
    counts.forEach((count, place) => {
      const size = count && 3 + (room - 4) * Math.sqrt(count / most);
      context.fillRect(place * 3, height - 2 - size, 2.5, size);
    });
    const [left, right] = brush ?? [from, to];
    if (right - left < 0.999) paintWindow(theme, left, right);
    paintMarks(theme);
  }

  function paintWindow(theme, left, right) {
    const { context, width, height } = scale;
    context.fillStyle = theme.ground;
    context.globalAlpha = 0.65;
    context.fillRect(0, 0, left * width, height);
    context.fillRect(right * width, 0, width, height);
    context.globalAlpha = 1;
    context.strokeStyle = theme.ink;
    context.strokeRect(left * width + 0.5, 0.5, Math.max(2, (right - left) * width - 1), height - 1);
  }

  /** Last, so that nothing covers them, not even what is out of the window. */
  function paintMarks(theme) {
    const { context, unit } = scale;
    for (const { left, severity } of marks) {
      context.fillStyle = severity === "error" ? theme.error : theme.warning;
      const top = severity === "error" ? 1 : MARK * unit + 1;
      context.fillRect(left, top, THIN, MARK * unit - 1);
      if (severity === "error") continue;
      context.fillStyle = theme.ground;
      context.fillRect(left + 1, top + 1, THIN - 2, MARK * unit - 3);
    }
  }

  canvas.addEventListener("pointerdown", (down) => {
    canvas.setPointerCapture(down.pointerId);
    const begin = placeOf(down);
    const move = (event) => {
      const [a, b] = [begin, placeOf(event)].sort((x, y) => x - y);
      brush = (b - a) * scale.width > 4 ? [a, b] : null;
      show(null);
    };
    const up = () => {
      canvas.removeEventListener("pointermove", move);
      const half = (to - from) / 2;
      const chosen = brush ?? [begin - half, begin + half];
      brush = null;
      show(chosen);
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", up, { once: true });
  });

  const placeOf = (event) => Math.max(0, Math.min(1, event.offsetX / scale.width));
  return { resize, draw };
}

/** Where a mark stands; those that would cover each other are one. Errors come last. */
function marksOf(model, fold, width) {
  const found = new Map();
  const add = (at, severity) => {
    const left = Math.min(width - THIN, Math.floor((fold.place(at) * width) / THIN) * THIN);
    if (severity !== "info") found.set(`${severity} ${left}`, { left, severity });
  };
  for (const problem of model.problems) add(momentOf(problem), problem.severity);
  return [...found.values()].sort((a, b) => (a.severity === "error") - (b.severity === "error"));
}
