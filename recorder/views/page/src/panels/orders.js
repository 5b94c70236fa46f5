// Two orders side by side: left as recorded, right as a schedule plays it. What both have in the same order stands on one
// line; a thick line leads from where something was to where it is.

import { h, textScale } from "../dom.js";
import { copyButton } from "../copy.js";
import { clock, count } from "../format.js";
import { tripleOf } from "../data/model.js";
import { listOf } from "./orders/list.js";
import { moved } from "./orders/lines.js";
import { rowsOf } from "./rows.js";
import { clipped, plain } from "../text.js";

const HEIGHT = 30;
const LONGEST = 500; // characters of a sentence: names in it come from the wire
const GLYPHS = { request: "→", ack: "←", answer: "←", event: "◆", loose: "○" };
const KINDS = [["request", "request"], ["ack", "ack"], ["answer", "answer to a request that starts no operation"], ["event", "event"], ["loose", "unsolicited event"]];

export function ordersViewOf(root, { model, choose }) {
  const { orders } = model;
  const marks = marksOf(orders);
  const hasSessions = model.sessions.length > 1;
  const right = orders.isPlayed ? "as played" : "as the schedule asks";
  const head = h("div", { class: "orders-head" }, h("b", {}, "as recorded"), h("b", {}, right, " ", h("code", {}, orders.id)));
  const body = h("div", { class: "orders", role: "list", "aria-label": `Recorded order, and ${right}` });
  const drawing = h("div", { class: "orders-lines", "aria-hidden": "true" });
  const scroller = h("div", { class: "scroller", tabindex: 0 }, head, h("div", { class: "orders-body" }, body, drawing));
  root.classList.toggle("with-sessions", hasSessions);
  root.append(told(), scroller);
  const height = HEIGHT * textScale();
  const open = new Set(); // folded stretches that were opened
  let [matches, listed, selected, isPrinted] = [new Set(), [], null, false];
  addEventListener("beforeprint", () => printing(true));
  const rows = rowsOf({ scroller, body, height, spacer, render });
  addEventListener("afterprint", () => printing(false));
  let isFirst = true;

  /** What the schedule changes, in words, and what the signs mean. */
  function told() {
    const facts = [`schedule ${orders.id}`, count(orders.deviations.length, "deviation"), orders.test && `found by ${clipped(orders.test, LONGEST)}`];
    const list = orders.deviations.map(({ text, names }, place) => {
      const go = () => choose(actOf(names[0])?.item?.id ?? null);
      return h("li", {}, h("button", { type: "button", class: "link", onclick: go }, badge(place + 1), " ", clipped(text, LONGEST)));
    });
    const hasAnswers = orders.lines.some(({ left, right: act }) => left?.kind === "answer" || act?.kind === "answer");
    const signs = KINDS.filter(([kind]) => kind !== "answer" || hasAnswers).map(([kind, word]) => h("li", {}, glyph(kind), word));
    signs.push(h("li", {}, h("span", { class: "sample-box", "aria-hidden": "true" }), "one answer brought them"));
    signs.push(h("li", {}, h("span", { class: "sample-move", "aria-hidden": "true" }), "moved"));
    if (orders.deviations.some(({ names }) => names.length > 1)) signs.push(h("li", {}, h("span", { class: "sample-crossing", "aria-hidden": "true" }), "order reversed"));
    return h(
      "div",
      { class: "orders-told" },
      ...orders.says.split("\n").filter(Boolean).map((line) => h("p", { class: "says" }, clipped(line, LONGEST))),
      h("ol", { class: "deviations" }, list.length ? list : h("li", {}, "The recorded order: nothing is moved.")),
      orders.isPlayed ? null : h("p", { class: "facts" }, "No run of it is known: this is the recorded order with what the schedule moves. A client decides itself when it asks."),
      h("p", { class: "facts" }, facts.filter(Boolean).join(" · "), " ", copyButton("option", () => `--schedule ${orders.id}`)),
      h("ul", { class: "signs facts" }, signs),
    );
  }

  function actOf(name) {
    const line = orders.lines.find(({ left, right: act }) => left?.name === name || act?.name === name);
    return line?.left ?? line?.right;
  }

  function render(row) {
    if (row.kind === "fold") return fold(row);
    const { left, right: act } = row;
    const isMine = [left, act].some((one) => one?.item && tripleOf(one.item) === tripleOf(selected));
    return h(
      "div",
      { class: `order ${left && act ? "both" : ""} ${left?.isMissing && orders.isPlayed ? "missing" : ""}`, role: "listitem", "data-mine": isMine ? "" : null },
      cell(left, "left", row.boxes[0]),
      h("span", { class: "between", "aria-hidden": "true" }),
      cell(act, "right", row.boxes[1]),
    );
  }

  function cell(act, side, box) {
    if (!act) return h("span", { class: `act none ${side} ${box}` });
    const { item, other, name, kind } = act;
    const flag = flagOf(act, side);
    const parts = [
      h("span", { class: "time" }, act.came && (orders.isPlayed || side === "left") ? clock(act.at) : ""),
      h("span", { class: "session" }, hasSessions ? (item?.session ?? item?.triple?.session ?? other?.session ?? "") : ""),
      h("span", { class: "what-act" }, glyph(item?.kind === "loose" ? "loose" : kind), " ", labelOf(act), " ", h("code", {}, name, item?.channel && !isUnnamed(item) ? ` ${clipped(item.channel, 40)}` : "")),
      flag && h("span", { class: "flag" }, flag),
      ...(marks.get(name) ?? []).map(badge),
    ];
    const node = h(
      "span",
      {
        class: `act ${side} ${kind} ${box} ${act.move ?? ""} ${act.came ? "" : "held"} ${act.isMissing && orders.isPlayed ? "missing" : ""} ${marks.has(name) ? "named" : ""}`,
        "data-id": item?.id,
        "data-name": name,
        "aria-current": item && item === selected ? "true" : null,
        title: [plain(label(act)), name, box && act.number > 1 ? `one answer brought ${act.number}` : ""].filter(Boolean).join(" · "),
      },
      parts,
    );
    if (item) node.addEventListener("click", () => choose(item.id));
    return node;
  }

  function flagOf(act, side) {
    if (act.isAgain) return "↻ again";
    if (!act.came) return "↓ had not come yet";
    if (side === "left") return act.isMissing && orders.isPlayed ? "✕ did not come" : null;
    return act.move && { earlier: "↑ earlier", later: "↓ later" }[act.move];
  }

  function fold(row) {
    const text = row.isEnd ? `${orders.isPlayed ? "The run ended here: " : ""}${count(row.size, "more act")} of the recording did not come` : `${count(row.size, "act")} in the same order`;
    const unfold = () => {
      open.add(row.key);
      list();
      scroller.focus();
    };
    return h("div", { class: `order-fold ${row.isEnd ? "end" : ""}`, role: "listitem" }, h("button", { type: "button", class: "link", onclick: unfold }, `⋯ ${text}`));
  }

  /** Show the lines that fit, with what is the same folded. */
  function list() {
    const all = matches.size === model.triples.length;
    const fits = (act) => (act?.item ?? act?.other) && (all || (act.item && matches.has(tripleOf(act.item).id)));
    const fitting = orders.lines.filter(({ left, right: act }) => fits(left) || fits(act));
    listed = listOf(fitting, { marks, isPlayed: orders.isPlayed, isOpen: (key) => isPrinted || open.has(key) });
    rows.set(listed);
    drawing.replaceChildren(moved(orders, listed, marks, height));
  }

  function printing(now) {
    isPrinted = now;
    list();
  }

  return {
    refresh() {},
    show({ selected: id }, ids, changed) {
      [matches, selected] = [ids, model.byId.get(id) ?? null];
      list();
      const is = (act) => act?.item && (selected ? act.item === selected : act.move !== null || marks.has(act.name));
      const place = listed.findIndex(({ left, right: act }) => is(left) || is(act));
      if (isFirst) requestAnimationFrame(() => rows.reveal(place, height)); // when there is a height to go by
      else if (changed.size) rows.reveal(place, height);
      isFirst = false;
    },
  };
}

/** For each name the numbers of the deviations that tell of it. */
function marksOf({ deviations }) {
  const marks = new Map();
  deviations.forEach(({ names }, place) => names.forEach((name) => marks.set(name, [...(marks.get(name) ?? []), place + 1])));
  return marks;
}

const OF = { ack: "ack of ", answer: "answer to " };

function label(act) {
  const name = nameOf(act);
  return name ? `${OF[act.kind] ?? ""}${name}` : "not on this page";
}

function nameOf({ item, other }) {
  return other?.label ?? item?.label ?? item?.name;
}

function labelOf(act) {
  const [of, name] = [OF[act.kind], nameOf(act)];
  return of && name ? h("span", {}, of, h("b", {}, clipped(name))) : h("b", {}, clipped(label(act)));
}

/** Whether an event has the name of its channel. */
const isUnnamed = ({ name, channel }) => name === channel;
const glyph = (kind) => h("span", { class: `glyph ${kind}`, "aria-hidden": "true" }, GLYPHS[kind]);
const badge = (number) => h("span", { class: "mark", "aria-label": `deviation ${number}`, role: "img" }, String(number));

function spacer() {
  const element = h("div", { "aria-hidden": "true" });
  return { element, size: (px) => (element.style.height = `${px}px`) };
}
