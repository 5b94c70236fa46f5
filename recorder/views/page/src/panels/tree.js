// A JSON value as a tree that opens. Native <details>: keys, screen readers and find-in-page know it. What is shut is not
// built, so that a long body costs nothing.

import { h } from "../dom.js";
import { Numeral } from "../data/json.js";
import { plain } from "../text.js";

const LONG = 600; // characters of a text before the rest is asked for
const MANY = 200; // items likewise
const OPEN = 3; // levels

export function tree(value, depth = 0) {
  const items = entriesOf(value);
  if (!items) return leaf(value);
  const [begin, end] = value instanceof Map ? ["{", "}"] : ["[", "]"];
  if (!items.length) return h("span", { class: "brace" }, begin + end);
  const size = `${items.length} ${value instanceof Map ? "field" : "item"}${items.length === 1 ? "" : "s"}`;
  const node = h("details", { class: "tree" }, h("summary", {}, h("span", { class: "brace" }, `${begin} ${size} ${end}`)));
  const build = () => node.childElementCount === 1 && node.append(list(items, depth));
  node.addEventListener("toggle", () => node.open && build());
  if (depth < OPEN) {
    build();
    node.open = true;
  }
  return node;
}

function list(items, depth, from = 0) {
  const rows = items.slice(from, from + MANY).map(([name, item]) => row(name, item, depth));
  const left = items.length - from - MANY;
  const whole = h("ul", {}, rows);
  if (left > 0) {
    const more = h("button", { type: "button", class: "more" }, `${left} more`);
    more.addEventListener("click", () => more.parentElement.replaceWith(...list(items, depth, from + MANY).children));
    whole.append(h("li", {}, more));
  }
  return whole;
}

function row(name, item, depth) {
  const nested = entriesOf(item)?.length > 0;
  return h("li", { class: nested ? "nested" : "" }, h("span", { class: "name" }, plain(name)), ": ", tree(item, depth + 1));
}

function leaf(value) {
  if (value instanceof Numeral || typeof value === "number") return h("span", { class: "number" }, String(value));
  if (typeof value !== "string") return h("span", { class: "word" }, String(value));
  return text(value, "string", '"');
}

/** A text, cut where it is long until the rest is asked for. */
export function text(value, kind, quote = "") {
  const shown = (part) => [...part.split("\n")].map(plain).join("\n");
  if (value.length <= LONG) return h("span", { class: kind, dir: "auto" }, quote + shown(value) + quote);
  const more = h("button", { type: "button", class: "more" }, `${value.length - LONG} more characters`);
  const node = h("span", { class: kind }, `${quote + shown(value.slice(0, LONG))}…`);
  more.addEventListener("click", () => {
    node.textContent = quote + shown(value) + quote;
    more.remove();
  });
  return h("span", {}, node, " ", more);
}

function entriesOf(value) {
  if (value instanceof Map) return [...value];
  return Array.isArray(value) ? value.map((item, place) => [place, item]) : null;
}
