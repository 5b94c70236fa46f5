// The details of what is selected: request, ack and events side by side, and why the events are linked.

import { h } from "../dom.js";
import { copyButton } from "../copy.js";
import { changes } from "./differences.js";
import { clock, count, duration, wall } from "../format.js";
import { tripleOf } from "../data/model.js";
import { badge, chip, SIGNS } from "./parts.js";
import { commandButton, testButton } from "./test.js";
import { clipped, listed, plain, pretty } from "../text.js";
import { text, tree } from "./tree.js";

export function detailOf(root, { model, choose }) {
  let wanted = null; // what is selected now: the rest of another item may come after it was asked for
  let last = new Map(); // the rest of what is shown

  return {
    async show({ selected: id }) {
      const item = model.byId.get(id) ?? null;
      const before = root.scrollTop;
      const isSame = item !== null && item.id === wanted?.id; // of a live page: it goes on
      if (!isSame) last = new Map();
      wanted = item;
      fill(item, last);
      root.scrollTop = isSame ? before : 0;
      if (!item) return;
      root.setAttribute("aria-busy", "true");
      const triple = tripleOf(item);
      const known = new Map();
      try {
        for (const one of [triple, triple.pair?.old, triple.pair?.now]) if (one) known.set(one, await model.detail(one));
        if (wanted !== item) return;
        last = known;
        fill(item, known);
        if (isSame) root.scrollTop = before;
      } catch (error) {
        if (wanted === item) root.append(h("p", { class: "error" }, `The rest cannot be shown: ${plain(error.message)}`));
      } finally {
        if (wanted === item) root.removeAttribute("aria-busy");
      }
    },
  };

  /** Show an item; `known` has the rest of its triples, as far as it has come. */
  function fill(item, known) {
    root.classList.toggle("bare", item === null);
    root.replaceChildren(...contents(item, known).filter(Boolean));
    const more = item && model.source.more?.(item, choose);
    if (more) root.append(more);
    root.querySelector(".card.chosen")?.scrollIntoView({ block: "nearest" });
  }

  function contents(item, known) {
    if (!item) return [h("p", { class: "empty" }, "Nothing selected: click on something, or press j.")];
    if (item.kind === "loose") {
      return [looseHead(item), wrong([item]), h("div", { class: "columns" }, column("Event", [card(item, known.get(item), null, item)]))];
    }
    const triple = tripleOf(item);
    const { old, now } = triple.pair ?? {};
    if (!old || !now) return side(triple, known.get(triple), item);
    const sides = [["A", old], ["B", now]].map(([name, one], place) => {
      const label = `${name}: ${clipped(model.recordings[place].name, 60)}`;
      return h("div", { class: "side" }, h("p", { class: "facts" }, label), side(one, known.get(one), item));
    });
    return [changes(triple.pair.rows), h("div", { class: "sides" }, sides)];
  }

  function side(triple, full, item) {
    const events = triple.events.length
      ? triple.events.map((event, place) => card(event, full?.events[place], triple, item))
      : [h("p", { class: "empty" }, "no events")];
    const columns = [column("Request", requestOf(triple, full)), column("Ack", ackOf(triple, full))];
    if (triple.kind === "triple") columns.push(column(count(triple.events.length, "event"), events));
    return [headOf(triple), wrong([triple, ...triple.events]), h("div", { class: "columns" }, columns)];
  }

  function headOf(triple) {
    const title = triple.kind === "triple" ? `${triple.n}  ${clipped(triple.label, 70)}` : clipped(triple.label, 90);
    const keys = [...triple.keys].filter(([name]) => !["handle", "reference"].includes(name));
    return h(
      "div",
      { class: "detail-head" },
      h("h2", {}, title),
      triple.kind === "triple" && badge(triple.state),
      chip(model, triple.handle, "handle"),
      chip(model, triple.reference, "reference"),
      model.live && !triple.miss && testButton(model, "request", () => [triple.id]),
      !model.live && model.recordings.length === 1 && commandButton(model.recordings[0].name),
      h("span", { class: "facts" }, [sessionOf(triple), ...keys.map(([k, v]) => `${k} ${clipped(listed(v), 40)}`)].join(" · ")),
    );
  }

  /** What is wrong, a sentence each. */
  function wrong(items) {
    const found = items.flatMap(({ problems }) => problems).filter(({ severity }) => severity !== "info");
    const line = ({ severity, text: sentence }) => h("li", { class: `flag ${severity}` }, h("span", { "aria-hidden": "true" }, SIGNS[severity]), plain(sentence));
    return found.length ? h("ul", { class: "wrong" }, found.map(line)) : null;
  }

  function looseHead(event) {
    const session = event.session ? `session ${event.session}` : "session unknown";
    return h("div", { class: "detail-head" }, h("h2", {}, clipped(event.name, 70)), h("span", { class: "badge" }, "unsolicited"), h("span", { class: "facts" }, session));
  }

  function requestOf(triple, full) {
    const line = `${triple.method} ${triple.target}`;
    const at = [clock(triple.at), model.started === null ? "" : wall(model.started + triple.at)].filter(Boolean).join(" · ");
    return [h("p", { class: "line" }, h("code", {}, plain(line))), h("p", { class: "facts" }, `at ${at}`), ...content(full, "request")];
  }

  function ackOf(triple, full) {
    const { status, reason, answered, at } = triple;
    if (status === null) {
      const why = reason === null ? "The capture ended before it came." : plain(reason);
      const after = answered === null ? "no answer" : `no answer after ${duration(answered - at)}`;
      return [h("p", { class: "line" }, h("b", {}, after)), h("p", {}, why)];
    }
    const after = h("span", { class: "facts" }, `after ${duration(answered - at)}`);
    return [h("p", { class: "line" }, h("b", {}, String(status)), " ", after), ...content(full?.ack, "ack")];
  }

  function card(event, full, triple, chosen) {
    const after = triple ? `+${duration(event.at - triple.at)}` : clock(event.at);
    return h(
      "article",
      { class: `card ${event === chosen ? "chosen" : ""}`, "data-id": event.id },
      h("p", { class: "line" }, h("b", {}, clipped(event.name, 60)), " ", h("span", { class: "after" }, after), full && copyButton("event", () => pretty(full.data))),
      h("p", { class: "facts" }, h("code", {}, plain(event.channel))),
      why(event, full ?? { why: "", rivals: [], others: [] }, triple),
      full ? h("div", { class: "body" }, tree(full.data)) : pending(),
    );
  }

  function why(event, full, triple) {
    const others = full.others.map(([request, objection]) => h("li", {}, link(request), ` ${plain(objection) || "fits too"}`));
    const more = others.length ? h("details", { class: "others" }, h("summary", {}, "Why no other request"), h("ul", {}, others)) : null;
    if (!triple) return h("div", { class: "why" }, h("p", {}, "Unsolicited: no rule found its request."), more);
    const percent = `${Math.round(event.confidence * 100)} %`;
    const rivals = full.rivals.flatMap((rival) => [" ", link(rival)]);
    return h(
      "div",
      { class: "why" },
      h("p", {}, h("span", { class: "rule" }, plain(event.rule)), " ", h("span", { class: event.confidence < 1 ? "unsure" : "sure" }, percent), " ", plain(full.why)),
      rivals.length ? h("p", {}, "other requests that fit too:", rivals) : null,
      more,
    );
  }

  function link(number) {
    const known = model.byId.get(String(number));
    const name = known ? `${number} ${clipped(known.label, 40)}` : String(number);
    return known ? h("button", { type: "button", class: "link", onclick: () => choose(known.id) }, name) : name;
  }
}

const sessionOf = (triple) => (triple.session ? `session ${triple.session}` : "session unknown");

function column(title, children) {
  return h("section", { class: "column" }, h("h3", {}, title), children);
}

const pending = () => h("p", { class: "facts" }, "…");

function content(full, name) {
  if (!full) return [pending()];
  const { body, headers } = full;
  const rows = headers.map(([key, value]) => [h("dt", {}, plain(key)), h("dd", {}, plain(value))]);
  const shown = typeof body === "string" ? h("pre", {}, text(body, "string")) : tree(body);
  const copied = () => (typeof body === "string" ? body : pretty(body));
  return [
    h("details", { class: "headers" }, h("summary", {}, count(headers.length, "header")), h("dl", {}, rows)),
    body === null ? h("p", { class: "facts" }, "no body") : h("div", { class: "body" }, copyButton(name, copied), shown),
  ];
}
