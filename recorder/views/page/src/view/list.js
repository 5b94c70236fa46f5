// The list of cassettes: what each holds, what is wrong with it, and which two to compare.

import { h } from "../dom.js";
import { count, wall } from "../format.js";
import { badge, SIGNS } from "../panels/parts.js";
import { rowsOf } from "../panels/rows.js";
import { clipped, plain } from "../text.js";

const HEIGHT = 30;
const FIRST = 600; // ms until the list is asked for again, while something is still being counted
const LONGEST = 20_000; // ms; it is asked for less and less often

const dash = (value) => (value == null ? "–" : value.toLocaleString("en"));

// name, heading, what it sorts by, what its cell holds, whether it is a number
const COLUMNS = [
  ["name", "name", (c) => c.name, (c, hash) => h("a", { href: `c/${c.k}/${hash}` }, clipped(c.name, 90))],
  ["size", "size", (c) => c.size ?? null, (c) => sizeOf(c.size), true],
  ["form", "form", (c) => c.form ?? null, (c) => (c.form ? plain(c.form) : "–")],
  ["started", "recorded", (c) => c.started || null, (c) => (c.started ? wall(c.started).slice(0, 16) : "–")],
  ["triples", "triples", (c) => c.triples ?? null, (c) => dash(c.triples), true],
  ["sessions", "sessions", (c) => c.sessions ?? null, (c) => dash(c.sessions), true],
  ["states", "states", (c) => (c.states ? (c.triples ?? 0) - (c.states.complete ?? 0) : null), statesOf],
  ["error", "problems", (c) => (c.error ? Infinity : c.problems ? wrongIn(c) : null), (c) => h("span", { class: "judged", title: c.error ?? "" }, problemsOf(c))],
];

export function startList(source) {
  const title = h("h1", { dir: "auto" }, "Cassettes");
  const facts = h("p", { class: "facts", role: "status" });
  const names = h("input", { id: "names", type: "search", spellcheck: "false", autocomplete: "off", placeholder: "part of a name" });
  const body = h("tbody");
  const heads = COLUMNS.map(([name, heading, , , numeric]) => {
    const button = h("button", { type: "button", onclick: () => sortBy(name) }, heading);
    return h("th", { scope: "col", "data-column": name, class: numeric ? "numeric" : "" }, button);
  });
  const table = h("table", { "aria-label": "Cassettes" }, h("thead", {}, h("tr", {}, heads, h("th", { scope: "col" }, "compare"))), body);
  const empty = h("p", { class: "empty", hidden: true });
  const scroller = h("div", { class: "scroller", tabindex: 0 }, table, empty);
  const pair = h("p", { id: "pair", role: "status" });
  document.body.replaceChildren(
    h("header", {}, h("div", { id: "about" }, title, facts), h("form", { id: "search", role: "search" }, h("label", { for: "names" }, "Name"), names)),
    h("main", {}, h("section", { id: "list", "aria-label": "Cassettes" }, scroller)),
    pair,
  );
  const rows = rowsOf({ scroller, body, height: HEIGHT, spacer, render });
  let every = [];
  let sort = "name";
  let chosen = { A: null, B: null };
  let wait = FIRST;
  let known = "";

  function render(cassette) {
    const hash = location.hash;
    const cells = COLUMNS.map(([, , , show, numeric]) => h("td", { class: numeric ? "numeric" : "" }, show(cassette, hash)));
    const buttons = ["A", "B"].map((side) =>
      h(
        "button",
        { type: "button", class: "pick", "data-key": `${side}${cassette.k}`, "aria-pressed": String(chosen[side] === cassette.k), "aria-label": `${side}: ${plain(cassette.name)}`, onclick: () => choose(side, cassette.k) },
        side,
      ),
    );
    return h("tr", { "data-k": cassette.k, class: cassette.error ? "damaged" : "" }, cells, h("td", {}, buttons));
  }

  function choose(side, k) {
    chosen = { ...chosen, [side]: chosen[side] === k ? null : k };
    draw();
  }

  function sortBy(name) {
    sort = sort === name ? `-${name}` : name;
    draw();
  }

  function draw() {
    const focused = document.activeElement?.dataset?.key;
    const column = COLUMNS.find(([name]) => name === sort.replace("-", ""));
    const wanted = names.value.toLowerCase();
    const shown = sorted(every.filter(({ name }) => name.toLowerCase().includes(wanted)), column[2], sort.startsWith("-"));
    heads.forEach((head) => {
      const here = head.dataset.column === column[0];
      head.setAttribute("aria-sort", here ? (sort.startsWith("-") ? "descending" : "ascending") : "none");
    });
    table.setAttribute("aria-rowcount", shown.length + 1);
    empty.hidden = shown.length > 0;
    empty.textContent = every.length ? "No name contains this text." : "There is no file with the ending .cassette.";
    rows.set(shown);
    if (focused) body.querySelector(`[data-key="${focused}"]`)?.focus();
    compare();
  }

  /** The link to the page that compares the two that are chosen. */
  function compare() {
    const name = (side) => every.find(({ k }) => k === chosen[side])?.name;
    const { A, B } = chosen;
    if (A === null || B === null) {
      const said = A === null && B === null ? "" : `${A === null ? "B" : "A"}: ${clipped(name(A === null ? "B" : "A"), 60)}. `;
      pair.replaceChildren(`${said}Choose an A and a B to compare two cassettes.`);
      return;
    }
    const swap = h("button", { type: "button", class: "link", onclick: () => { chosen = { A: B, B: A }; draw(); } }, "swap");
    const link = h("a", { href: `diff/${A}/${B}/`, class: "go" }, `Compare ${clipped(name("A"), 60)} with ${clipped(name("B"), 60)}`);
    pair.replaceChildren(...(A === B ? ["A and B are the same cassette: choose two."] : [link, " · ", swap]));
  }

  async function look() {
    try {
      const found = await source.ask("list");
      title.textContent = plain(found.title);
      document.title = plain(found.title);
      const text = JSON.stringify(found.cassettes);
      if (text !== known) {
        [known, every] = [text, found.cassettes];
        draw();
      }
      const pending = every.filter((cassette) => cassette.pending).length;
      const bytes = every.reduce((sum, { size }) => sum + (size ?? 0), 0);
      facts.textContent = [count(every.length, "cassette"), sizeOf(bytes), pending ? `${pending} being counted` : ""].filter(Boolean).join(" · ");
      wait = pending ? Math.min(wait * 1.5, LONGEST) : LONGEST;
    } catch ({ message }) {
      facts.textContent = plain(message);
      wait = LONGEST;
    }
    setTimeout(look, wait);
  }

  names.addEventListener("input", draw);
  document.getElementById("search").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("focus", () => (wait = FIRST));
  look();
}

function statesOf({ states }) {
  return states ? Object.entries(states).sort(([a], [b]) => (a === "complete") - (b === "complete")).map(([name, number]) => h("span", {}, badge(name), ` ${number.toLocaleString("en")} `)) : "–";
}

const wrongIn = ({ problems }) => (problems.error ?? 0) * 1e6 + (problems.warning ?? 0);

/** What is wrong with the file, or how much with what it holds. */
function problemsOf({ error, pending, problems, triples }) {
  if (error) return plain(error);
  if (problems) {
    const told = ["error", "warning"].filter((severity) => problems[severity]).map((severity) =>
      h("span", { class: severity }, h("span", { "aria-hidden": "true" }, `${SIGNS[severity]} `), count(problems[severity], severity)),
    );
    return told.length ? told : "none";
  }
  if (pending) return "counting …";
  return triples === undefined ? "–" : "too large to judge here";
}

/** Bytes for people. */
function sizeOf(bytes) {
  if (bytes == null) return "–";
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let size = bytes;
  while (size >= 1024 && units.length > 1) {
    size /= 1024;
    units.shift();
  }
  return `${units[0] === "bytes" ? size : size.toFixed(1)} ${units[0]}`;
}

/** What has no value comes last, whichever way it is sorted. */
function sorted(cassettes, by, reverse) {
  const order = new Intl.Collator("en", { numeric: true });
  return [...cassettes].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a.k - b.k;
    const less = typeof x === "number" ? x - y : order.compare(x, y);
    return (reverse ? -less : less) || a.k - b.k;
  });
}

function spacer() {
  const cell = h("td", { colspan: COLUMNS.length + 1 });
  return { element: h("tr", { class: "spacer", "aria-hidden": "true" }, cell), size: (px) => (cell.style.height = `${px}px`) };
}
