// Small pieces several views show.

import { h, svg } from "../dom.js";
import { clipped, plain } from "../text.js";

/** An id in its colour. */
export function chip(model, id, kind) {
  if (id == null) return null;
  const node = h("span", { class: `chip ${kind}`, title: kind, dir: "ltr" }, clipped(id, 24));
  const hue = model.ids.get(id);
  if (hue !== undefined) node.style.setProperty("--hue", hue);
  return node;
}

/** A state as a shape (see page.css) and a word. */
export function badge(state) {
  return h("span", { class: `badge ${state}` }, state);
}

export const SIGNS = { error: "▼", warning: "▽", info: "·" };
const CODES = {
  failed: ["failed", "failed"],
  lost: ["lost", "lost"],
  unacked: ["without an ack", "without an ack"],
  open: ["open at the end", "open at the end"],
  overdue: ["overdue", "overdue"],
  miss: ["miss", "misses"],
  early: ["early", "early"],
  late: ["late", "late"],
  unsure: ["doubtful link", "doubtful links"],
  unasked: ["unsolicited", "unsolicited"],
  "poll-lost": ["poll lost", "polls lost"],
  differs: ["different", "different"],
  deviates: ["deviation", "deviations"],
  finding: ["finding", "findings"],
};

/** The word for a kind of problem, of one or of many. */
export function codeWord(code, number = 1) {
  const words = Object.hasOwn(CODES, code) ? CODES[code] : [code, code];
  return words[number === 1 ? 0 : 1];
}

/** The problems of an item as badges: a sign and a word each. */
export function flags(problems) {
  return problems.map(({ code, severity, text }) =>
    h("span", { class: `flag ${severity}`, title: plain(text) }, h("span", { "aria-hidden": "true" }, SIGNS[severity]), codeWord(code)),
  );
}

/** Request, ack and events on one line: `most` µs are its whole width. */
export function strip(triple, most, width = 170, height = 16) {
  const x = (at) => Math.min(width - 3, (width - 4) * ((at - triple.at) / most)) + 1;
  const middle = height / 2;
  const marks = [svg("line", { class: "base", x1: 0, x2: width, y1: middle, y2: middle })];
  if (triple.lastEvent !== null) {
    marks.push(svg("line", { class: "wait", x1: x(triple.at), x2: x(triple.end), y1: middle, y2: middle }));
  }
  if (triple.answered !== null) {
    const to = Math.max(2, x(triple.answered) - 1);
    marks.push(svg("rect", { class: `bar ${triple.state}`, x: 1, y: middle - 3, width: to, height: 6, rx: 1 }));
  }
  if (triple.state === "failed") {
    const at = Math.max(6, x(triple.end) + 6);
    const arms = [[-3, -3, 3, 3], [-3, 3, 3, -3]];
    marks.push(...arms.map(([a, b, c, d]) => svg("line", { class: "cross", x1: at + a, y1: middle + b, x2: at + c, y2: middle + d })));
  }
  for (const event of triple.events) {
    const sure = event.confidence < 1 ? "event unsure" : "event";
    marks.push(svg("rect", { class: sure, x: x(event.at), y: 2, width: 2, height: height - 4 }));
  }
  return svg("svg", { class: "strip", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }, marks);
}
