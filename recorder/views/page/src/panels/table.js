// The triples as a table: one line each, sorted by any column.

import { h, textScale } from "../dom.js";
import { duration, clock } from "../format.js";
import { tripleOf } from "../data/model.js";
import { badge, chip, flags, strip } from "./parts.js";
import { rowsOf } from "./rows.js";
import { worstOf } from "../timeline/series.js";
import { clipped } from "../text.js";

const HEIGHT = 28;
const dash = (value) => value ?? "–";
const ackOf = ({ status, answered, at }) => (status === null ? null : answered - at);

// name, heading, what it sorts by, what its cell holds, whether it is a number
const COLUMNS = [
  ["n", "n", (t) => t.n, (t) => String(t.n), true],
  ["at", "at", (t) => t.at, (t) => clock(t.at), true],
  ["operation", "operation", (t) => t.label, (t) => clipped(t.label, 44)],
  ["handle", "handle", (t) => t.handle, (t, model) => dash(chip(model, t.handle, "handle"))],
  ["reference", "reference", (t) => t.reference, (t, model) => dash(chip(model, t.reference, "reference"))],
  ["session", "session", (t) => t.session, (t) => dash(t.session)],
  ["state", "state", (t) => t.state, (t) => badge(t.state)],
  ["ack", "ack", (t) => ackOf(t), (t) => (ackOf(t) === null ? "–" : duration(ackOf(t))), true],
  ["events", "events", (t) => t.events.length, (t) => String(t.events.length), true],
  ["last", "last event", (t) => t.lastEvent && t.lastEvent - t.at, (t) => (t.lastEvent === null ? "–" : duration(t.lastEvent - t.at)), true],
  ["problems", "problems", (t) => Math.max(worstOf(t), ...t.events.map(worstOf)) || null, (t) => flags(problemsOf(t)), false],
];

/** What is wrong with a triple and its events: each kind once. */
function problemsOf(triple) {
  const all = [...triple.problems, ...triple.events.flatMap(({ problems }) => problems)];
  return [...new Map(all.filter(({ severity }) => severity !== "info").map((problem) => [problem.code, problem])).values()];
}

export function tableOf(root, { model, state, choose }) {
  const order = new Intl.Collator("en", { numeric: true });
  let most = 0;
  const heads = COLUMNS.map(([name, title, , , numeric]) => {
    const button = h("button", { type: "button", onclick: () => sortBy(name) }, title);
    return h("th", { scope: "col", class: numeric ? "numeric" : "", "data-column": name }, button);
  });
  const last = h("th", { scope: "col" });
  const body = h("tbody");
  const table = h("table", { "aria-label": "Triples" }, h("thead", {}, h("tr", {}, heads, last)), body);
  const empty = h("p", { class: "empty", hidden: true });
  root.append(h("div", { class: "scroller", tabindex: 0 }, table, empty));
  const scroller = root.firstChild;
  const rows = rowsOf({ scroller, body, height: HEIGHT * textScale(), spacer, render });
  let listed = [];
  let selected = null;
  refresh();

  /** Take over what the model holds now. */
  function refresh() {
    most = scaleOf(model.triples);
    last.textContent = `request → ack → events, ${duration(most)} wide`;
  }

  function sortBy(name) {
    const { sort } = state.get();
    state.set({ sort: sort === name ? `-${name}` : name });
  }

  function render(triple, place) {
    const row = h("tr", { "aria-rowindex": place + 2, "data-id": triple.id, "aria-current": triple === selected ? "true" : null });
    row.append(...COLUMNS.map(([, , , show, numeric]) => h("td", { class: numeric ? "numeric" : "" }, show(triple, model))));
    row.append(h("td", {}, strip(triple, most)));
    row.addEventListener("click", () => choose(triple.id));
    return row;
  }

  return {
    /** The triples in the order of the table, for the keys. */
    list: () => listed,
    refresh,
    show({ sort, selected: id }, matches, changed) {
      const reverse = sort.startsWith("-");
      const column = COLUMNS.find(([name]) => name === sort.replace("-", "")) ?? COLUMNS[0];
      listed = sorted(model.triples.filter((triple) => matches.has(triple.id)), column[2], reverse, order);
      heads.forEach((head) => {
        const here = head.dataset.column === column[0];
        head.setAttribute("aria-sort", here ? (reverse ? "descending" : "ascending") : "none");
      });
      table.setAttribute("aria-rowcount", listed.length + 1);
      empty.hidden = listed.length > 0;
      empty.textContent = model.triples.length ? "No triple fits the filter." : "This session has no operation.";
      selected = tripleOf(model.byId.get(id));
      rows.set(listed);
      if (changed.size) rows.reveal(listed.indexOf(selected), HEIGHT * textScale());
    },
  };
}

/** What has no value comes last, whichever way it is sorted. */
function sorted(triples, by, reverse, order) {
  const sign = reverse ? -1 : 1;
  return [...triples].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a.n - b.n;
    const less = typeof x === "number" ? x - y : order.compare(x, y);
    return sign * less || a.n - b.n;
  });
}

/** A width most strips fit in: a single late one must not press the others flat. */
function scaleOf(triples) {
  const lengths = triples.map((triple) => triple.end - triple.at).sort((a, b) => a - b);
  return Math.max(1000, (lengths[Math.floor(lengths.length * 0.95)] ?? 0) * 1.1);
}

function spacer() {
  const cell = h("td", { colspan: COLUMNS.length + 1 });
  return { element: h("tr", { class: "spacer", "aria-hidden": "true" }, cell), size: (px) => (cell.style.height = `${px}px`) };
}
