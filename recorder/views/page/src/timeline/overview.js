// The whole session on a narrow strip: how busy it was, and which part the timeline shows. Dragging chooses another part.

import { sized } from "./canvas.js";

const HEIGHT = 34;

export function overviewOf(canvas, { model, fold, show }) {
  let [from, to] = [0, 1]; // of the whole width
  let counts = [];
  let scale = { width: 0, context: null };
  let brush = null;

  function resize(width) {
    scale = { width, context: sized(canvas, width, HEIGHT) };
    counts = new Float64Array(Math.max(1, Math.floor(width / 2)));
    for (const { at } of [...model.triples, ...model.events, ...model.loose]) {
      counts[Math.min(counts.length - 1, Math.floor(fold.place(at) * counts.length))] += 1;
    }
  }

  function draw(theme, window) {
    [from, to] = window;
    const { context, width } = scale;
    const most = Math.max(1, ...counts);
    context.clearRect(0, 0, width, HEIGHT);
    context.fillStyle = theme.fold;
    for (const { left, right } of fold.folds) context.fillRect(left * width, 0, (right - left) * width, HEIGHT);
    context.fillStyle = theme.event;
    counts.forEach((count, place) => {
      const size = count && 3 + (HEIGHT - 7) * Math.sqrt(count / most);
      context.fillRect(place * 2, HEIGHT - 2 - size, 1.5, size);
    });
    const [left, right] = brush ?? [from, to];
    if (right - left > 0.999) return;
    context.fillStyle = theme.ground;
    context.globalAlpha = 0.65;
    context.fillRect(0, 0, left * width, HEIGHT);
    context.fillRect(right * width, 0, width, HEIGHT);
    context.globalAlpha = 1;
    context.strokeStyle = theme.ink;
    context.strokeRect(left * width + 0.5, 0.5, Math.max(2, (right - left) * width - 1), HEIGHT - 1);
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
