// How two recordings differ, triple by triple: what stands in the one and in the other.

import { h } from "../dom.js";
import { clipped, plain } from "../text.js";

const MOST = 1000; // triples; who has more differences than that compares other things

export function differencesOf(root, { model, choose }) {
  const scroller = h("div", { class: "scroller differences", tabindex: 0 });
  root.append(scroller);
  return {
    refresh() {}, // it begins anew each time it is shown
    show({ selected: id }, matches) {
      const all = matches.size === model.triples.length;
      const fits = ({ old, now }) => all || [old, now].some((triple) => triple && matches.has(triple.id));
      const pairs = model.differences.filter(fits);
      const shown = pairs.slice(0, MOST).map((pair) => group(pair, id));
      if (!pairs.length) shown.push(h("p", { class: "empty" }, all ? "No differences." : "No difference fits the filter."));
      if (pairs.length > MOST) shown.push(h("p", { class: "empty" }, `${pairs.length - MOST} more: narrow the filter`));
      scroller.replaceChildren(...shown);
      scroller.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    },
  };

  function group({ old, now, rows }, id) {
    const triple = old ?? now;
    const chosen = [old?.id, now?.id].includes(id);
    const title = triple ? `${numbers(old, now)}  ${clipped(triple.label, 60)}` : "Not of an operation";
    const node = h("article", { class: "difference", "aria-current": chosen ? "true" : null, "data-id": triple?.id }, h("h2", {}, title), changes(rows));
    if (triple) node.addEventListener("click", () => choose(triple.id));
    return node;
  }
}

/** The differences of a pair: what, where, and both values. */
export function changes(rows) {
  return h("ul", { class: "changes" }, rows.map(change));
}

function change(row) {
  const values = [["old", "−"], ["new", "+"]].filter(([name]) => name in row);
  return h(
    "li",
    {},
    h("span", { class: "what-kind" }, row.what),
    " ",
    h("code", {}, plain(row.where)),
    values.map(([name, sign]) => h("div", { class: `value ${name}` }, `${sign} ${clipped(row[name], 300)}`)),
  );
}

function numbers(old, now) {
  if (old && now) return `${old.n} → ${now.n}`;
  return old ? `${old.n} →` : `→ ${now.n}`;
}
