// What the shapes of the timeline mean; it can be folded.

import { h } from "../dom.js";
import { sized } from "../timeline/canvas.js";
import { bar } from "../timeline/bars.js";
import { triangle } from "../timeline/marks.js";
import { themeOf } from "../theme.js";

const [WIDTH, HEIGHT] = [26, 14];
const ROOMY = 900; // pixels of the window: with less the details need the room, unless the legend was opened

// what is drawn, and what it means
const SAMPLES = [
  ...["complete", "acked", "unacked", "failed", "aborted"].map((name) => [(context, theme) => bar(context, name, 1, 1, WIDTH - 2, HEIGHT - 2, { colour: theme[name], ground: theme.ground }), name]),
  [(context, theme) => rhomb(context, theme.event, theme.event), "event"],
  [(context, theme) => rhomb(context, theme.ground, theme.unsure), "event, uncertain link"],
  [(context, theme) => ring(context, theme.ground, theme.muted), "unsolicited event"],
  [(context, theme) => hatched(context, theme), "poll held open"],
  [(context, theme) => folded(context, theme), "idle time, folded"],
  [(context, theme) => triangle(context, 7, 1, 12, true, theme.error, theme.ground), "error"],
  [(context, theme) => triangle(context, 7, 1, 12, false, theme.warning, theme.ground), "warning"],
  [(context, theme) => columns(context, theme), "many: how many begin there, the worst on top"],
];

/** The legend; whether it is open is kept in the state. */
export function legendOf(root, state) {
  const samples = SAMPLES.map(([paint, meaning]) => ({ paint, canvas: h("canvas", { class: "sample", "aria-hidden": "true" }), meaning }));
  const list = h("ul", {}, samples.map(({ canvas, meaning }) => h("li", {}, canvas, meaning)));
  const box = h("details", { class: "legend" }, h("summary", {}, "Legend"), list);
  box.querySelector("summary").addEventListener("click", (event) => {
    event.preventDefault(); // the state opens and shuts it
    state.set({ legend: box.open ? "shut" : "open" }, { passing: true });
  });
  root.append(box);
  const draw = (now) => {
    theme = now;
    for (const { canvas, paint } of samples) {
      const context = sized(canvas, WIDTH, HEIGHT);
      context.clearRect(0, 0, WIDTH, HEIGHT);
      paint(context, theme);
    }
  };
  let theme = themeOf(draw);
  draw(theme);
  const hasRoom = ({ selected }) => selected === null || innerHeight >= ROOMY;
  return { show: (now) => (box.open = now.legend ? now.legend === "open" : hasRoom(now)) };
}

function rhomb(context, fill, stroke) {
  const [x, y, size] = [WIDTH / 2, HEIGHT / 2, 5];
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
  outlined(context, fill, stroke);
}

function ring(context, fill, stroke) {
  context.beginPath();
  context.arc(WIDTH / 2, HEIGHT / 2, 4.5, 0, 2 * Math.PI);
  outlined(context, fill, stroke);
}

function outlined(context, fill, stroke) {
  context.lineWidth = 1.5;
  context.fillStyle = fill;
  context.strokeStyle = stroke;
  context.fill();
  context.stroke();
}

function hatched(context, theme) {
  context.fillStyle = theme.hatch;
  context.fillRect(1, 1, WIDTH - 2, HEIGHT - 2);
  context.fillStyle = theme.faint;
  context.fillRect(1, 1, 1, HEIGHT - 2);
}

function folded(context, theme) {
  context.fillStyle = theme.fold;
  context.fillRect(3, 0, WIDTH - 6, HEIGHT);
  context.fillStyle = theme.muted;
  for (const x of [3, WIDTH - 4]) for (let y = 0; y < HEIGHT; y += 4) context.fillRect(x, y, 1, 2);
}

function columns(context, theme) {
  [5, 9, 7, 12, 6, 8].forEach((size, place) => {
    context.fillStyle = theme.complete;
    context.fillRect(3 + place * 4, HEIGHT - size, 3, size);
    context.fillStyle = theme.failed;
    if (place === 3) context.fillRect(3 + place * 4, HEIGHT - size, 3, 3);
  });
}
