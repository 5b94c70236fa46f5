// Values as text. Objects are Maps here (see data/json.js).

import { Numeral } from "./data/json.js";

/** JSON on one line, as Python's `json.dumps` writes it with the smallest separators. */
export function compact(value) {
  if (value instanceof Map) {
    return `{${[...value].map(([name, item]) => `${JSON.stringify(name)}:${compact(item)}`).join(",")}}`;
  }
  if (Array.isArray(value)) return `[${value.map(compact).join(",")}]`;
  return value instanceof Numeral ? value.text : JSON.stringify(value);
}

/** JSON for people, to be copied. */
export function pretty(value, indent = "") {
  const inner = `${indent}  `;
  if (value instanceof Map && value.size) {
    const rows = [...value].map(([name, item]) => `${inner}${JSON.stringify(name)}: ${pretty(item, inner)}`);
    return `{\n${rows.join(",\n")}\n${indent}}`;
  }
  if (Array.isArray(value) && value.length) {
    return `[\n${value.map((item) => inner + pretty(item, inner)).join(",\n")}\n${indent}]`;
  }
  return compact(value);
}

/** A text on one line: what would steer its display or break it stands as its code. */
export function plain(text) {
  return String(text).replace(STEERING, (char) => `\\u${char.codePointAt(0).toString(16).padStart(4, "0")}`);
}

// controls, line ends, and what turns the direction of text around
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** No more of a text than fits. */
export function clipped(text, most = 60) {
  const shown = plain(text);
  if (shown.length <= most) return shown;
  return `${shown.slice(0, most - 1).replace(/[\ud800-\udbff]$/, "")}…`; // not half of a character
}

/** The value of a key that may have several, in words. */
export function listed(value) {
  return Array.isArray(value) ? value.join(", ") : value;
}
