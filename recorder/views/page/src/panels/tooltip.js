// What the pointer is on, in a few lines.

import { byId, h } from "../dom.js";
import { clock, count, duration } from "../format.js";
import { SIGNS } from "./parts.js";
import { clipped } from "../text.js";
import { LOOKS } from "../timeline/series.js";

export const tooltip = {
  show(item, x, y) {
    const box = byId("tooltip");
    const [title, ...lines] = linesOf(item);
    box.replaceChildren(h("b", {}, title), ...lines.map((text) => h("div", {}, text)));
    box.hidden = false;
    const left = x + 14 + box.offsetWidth > innerWidth ? x - 14 - box.offsetWidth : x + 14;
    box.style.left = `${Math.max(4, left)}px`;
    box.style.top = `${Math.max(4, Math.min(y + 14, innerHeight - box.offsetHeight - 4))}px`;
  },
  hide() {
    byId("tooltip").hidden = true;
  },
};

const MOST = 3; // problems

function linesOf(item) {
  if (item.kind === "column") return columnLines(item);
  const problems = item.problems ?? [];
  const more = problems.length > MOST ? [`and ${problems.length - MOST} more`] : [];
  const wrong = problems.slice(0, MOST).map(({ severity, text }) => `${SIGNS[severity]} ${clipped(text, 160)}`);
  return [...itemLines(item), ...wrong, ...more];
}

/** What stands where single items would cover each other. */
function columnLines({ series, first, last, at, until }) {
  const looks = LOOKS[series.kind];
  const counts = looks.map(() => 0);
  for (let i = first; i < last; i++) counts[series.look[i]] += 1;
  const parts = looks.map((look, place) => (counts[place] ? `${counts[place]} ${WORDS[look] ?? look}` : null)).filter(Boolean);
  return [`${count(last - first, ONES[series.kind])}, ${clock(at)} to ${clock(until)}`, parts.join(", "), "click to zoom in"];
}

const ONES = { operations: "operation", plain: "other request", channel: "event", polls: "poll" };
const WORDS = { sure: "certainly linked", unsure: "uncertainly linked", loose: "unsolicited" };

function itemLines(item) {
  if (item.kind === "event") {
    const { triple } = item;
    const link = `${clipped(item.rule, 40)}, ${Math.round(item.confidence * 100)} %`;
    const after = `+${duration(item.at - triple.at)} after ${triple.n} ${clipped(triple.label, 40)}`;
    return [clipped(item.name, 50), `${after} · ${clipped(item.channel, 40)}`, link];
  }
  if (item.kind === "loose") return [clipped(item.name, 50), `unsolicited, at ${clock(item.at)}`];
  if (item.kind === undefined) {
    const held = item.closed === null ? "open at the end" : `held ${duration(item.closed - item.at)}`;
    return ["poll", held, ...(item.failure === null ? [] : [clipped(item.failure, 80)])];
  }
  const ack = item.status === null ? "no answer" : `${item.status} after ${duration(item.answered - item.at)}`;
  const last = item.lastEvent === null ? "" : ` · last event +${duration(item.lastEvent - item.at)}`;
  const title = item.kind === "triple" ? `${item.n} ${clipped(item.label, 50)}` : clipped(item.label, 60);
  const ids = [item.handle, item.reference].filter(Boolean).map((id) => clipped(id, 30));
  return [title, `${item.state} · ${ack}${last}`, ids.join(" · ")];
}
