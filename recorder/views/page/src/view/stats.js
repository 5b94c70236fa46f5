// Figures: how long each operation takes, as a strip with its median and p95, and what `recorder stats` counts.

import { h } from "../dom.js";
import { count, duration } from "../format.js";
import { badge } from "../panels/parts.js";
import { clipped, plain } from "../text.js";
import { byOperation, filterOf, latency, spread } from "./quantiles.js";
import { stripOf } from "./strip.js";

const ROOM = 1.25; // on both ends of a strip
const KINDS = [["ack", "to the ack"], ["last", "to the last event"]];

export function statsOf(root, { model, state, choose }) {
  const body = h("tbody");
  const kinds = h("fieldset", {}, h("legend", {}, "Time from the request"), KINDS.map(([name, label], place) => kindOf(name, label, place)));
  const heads = ["operation", "count", "states", "median", "p95", "most", "each triple, on a logarithmic scale"].map((title, place) =>
    h("th", { scope: "col", class: place === 1 || (place > 2 && place < 6) ? "numeric" : "" }, title),
  );
  const table = h("table", { "aria-label": "Latencies by operation" }, h("thead", {}, h("tr", {}, heads)), body);
  const figures = h("div", { class: "figures" });
  root.append(h("div", { class: "scroller stats", tabindex: 0 }, kinds, table, figures));
  let kind = "ack";
  let shown = ""; // what the rows were made of
  let isAsked = false;
  let last = null; // the ids that fit

  function kindOf(name, label, place) {
    const input = h("input", { type: "radio", name: "latency", value: name, checked: place === 0 });
    input.addEventListener("change", () => {
      kind = name;
      draw(last);
    });
    return h("label", {}, input, ` ${label}`);
  }

  function draw(matches) {
    last = matches;
    const key = `${kind} ${state.get().filter} ${matches.size} ${model.triples.length}`;
    if (key === shown) return;
    shown = key;
    const groups = byOperation(model.triples.filter(({ id }) => matches.has(id)));
    const times = groups.map(([, triples]) => spread(triples.map((triple) => latency(triple, kind)).filter((ms) => ms !== null)));
    const known = times.filter(Boolean);
    const [least, most] = [Math.min(...known.map(({ min }) => min)), Math.max(...known.map(({ max }) => max))];
    const scale = [Math.max(0.1, least) / ROOM, Math.max(0.1, most) * ROOM];
    body.replaceChildren(...groups.map(([name, triples], place) => row(name, triples, times[place], scale)));
    if (!groups.length) body.append(h("tr", {}, h("td", { colspan: heads.length, class: "empty" }, "No triple fits the filter.")));
  }

  function row(name, triples, times, scale) {
    const only = (...terms) => state.set({ filter: filterOf(name, ...terms) });
    const title = h("button", { type: "button", class: "link", title: "show only these", onclick: () => only() }, clipped(name, 60));
    const cells = times
      ? [duration(times.p50 * 1000), beyond(times, only), duration(times.max * 1000)]
      : ["–", "–", "–"];
    const label = times ? `${plain(name)}: median ${duration(times.p50 * 1000)}, p95 ${duration(times.p95 * 1000)}` : "";
    const strip = times ? stripOf(triples, kind, { spread: times, scale, choose, label }) : null;
    return h(
      "tr",
      { "data-operation": name },
      h("td", {}, title),
      h("td", { class: "numeric" }, triples.length.toLocaleString("en")),
      h("td", {}, states(triples, only)),
      cells.map((cell) => h("td", { class: "numeric" }, cell)),
      h("td", { class: "wide" }, strip),
    );
  }

  /** The 95th percentile, which shows those beyond it. */
  function beyond({ p95 }, only) {
    const text = duration(p95 * 1000);
    return h("button", { type: "button", class: "link", title: "show those beyond", onclick: () => only(`${kind}:>${p95}`) }, text);
  }

  function states(triples, only) {
    const counts = new Map();
    for (const { state: one } of triples) counts.set(one, (counts.get(one) ?? 0) + 1);
    return [...counts].map(([one, number]) =>
      h("button", { type: "button", class: "state-count", title: "show only these", onclick: () => only(`state:${one}`) }, badge(one), ` ${number.toLocaleString("en")} `),
    );
  }

  async function ask() {
    isAsked = true;
    root.setAttribute("aria-busy", "true");
    figures.replaceChildren(h("p", { class: "facts" }, "counting …"));
    try {
      figures.replaceChildren(...counted(await model.source.ask("stats")));
    } catch ({ message }) {
      isAsked = false;
      figures.replaceChildren(h("p", { class: "error" }, plain(message)));
    }
    root.removeAttribute("aria-busy");
  }

  return {
    refresh: () => (shown = ""),
    show(_, matches) {
      draw(matches);
      if (!isAsked) ask();
    },
  };
}

/** What `recorder stats --json` tells beside the operations; of the whole cassette, whatever the filter. */
function counted({ size, records, duration: seconds, sessions, total, unsolicited, plain: others, polls, streams = {}, channels, rules }) {
  const facts = [
    `${size.toLocaleString("en")} bytes`, count(records, "record"), duration(seconds * 1e6), count(sessions, "session"),
    count(total.count, "triple"), `${count(total.events, "event")} (${total.unsure} not linked for sure)`,
    `${unsolicited} unsolicited`, count(others, "other exchange"),
    `${count(polls.count, "poll")}: ${polls.empty} without an event, ${polls.failed} failed, ${polls.open} open at the end`,
    ...Object.entries(streams).map(([name, { count: number, events }]) => `${name}: ${number}, ${count(events, "event")}`),
  ];
  return [
    h("h2", {}, "The whole cassette"),
    h("p", { class: "facts" }, facts.join(" · ")),
    small("Channels", ["channel", "events", "unsolicited"], channels.map((one) => [one.channel, one.events, one.unsolicited])),
    small("Rules", ["rule", "events"], Object.entries(rules)),
  ];
}

function small(label, titles, rows) {
  const numeric = (place) => (place ? "numeric" : "");
  return h(
    "table",
    { "aria-label": label },
    h("thead", {}, h("tr", {}, titles.map((title, place) => h("th", { scope: "col", class: numeric(place) }, title)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, place) => h("td", { class: numeric(place) }, plain(cell)))))),
  );
}
