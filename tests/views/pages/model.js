// Reads rows, blocks and expressions as JSON, builds the page's model of them, and prints what it tells.

import { readFileSync } from "node:fs";
import { modelOf } from "../../../recorder/views/page/src/data/model.js";
import { compact } from "../../../recorder/views/page/src/text.js";

const { rows, blocks, asked } = JSON.parse(readFileSync(0, "utf8"));
let read = 0;
const source = {
  rows: async () => rows,
  block: async (recording, k) => ((read += 1), JSON.parse(blocks[recording][k])),
  search: async () => null,
  live: () => null,
};

const LIGHT = ["id", "n", "operation", "label", "session", "state", "at", "method", "target", "answered", "status", "reason"];
const MORE = ["lastEvent", "end", "handle", "reference", "keys", "record"];
const EVENT = ["id", "name", "channel", "at", "rule", "confidence"];
const some = (item, names) => new Map(names.map((name) => [name, item[name]]));
const problemsOf = (item) => item.problems.map(({ code, severity, at }) => [code, severity, at]);

function full(value) {
  if (Array.isArray(value)) return value.map(full);
  if (value === null || typeof value !== "object" || value instanceof Map || "text" in value) return value;
  return new Map(Object.entries(value).map(([name, item]) => [name, full(item)]));
}

async function told(item) {
  const shown = some(item, item.kind === "loose" ? EVENT.filter((name) => item[name] !== undefined) : [...LIGHT, ...MORE]);
  shown.set("problems", problemsOf(item));
  if (item.events) shown.set("events", item.events.map((event) => some(event, EVENT).set("problems", problemsOf(event))));
  return shown.set("detail", full(await model.detail(item)));
}

const model = await modelOf(source);
const answers = new Map();
for (const kind of ["triples", "plain", "loose"]) answers.set(kind, await Promise.all(model[kind].map(told)));
answers.set("polls", model.polls.map(({ session, at, closed, failure }) => [session, at, closed, failure]));
answers.set("known", model.events.every((event) => model.byId.get(event.id) === event));
answers.set("unknown", ["", "0", "x0", "u999", "1.99", "__proto__", "1.", " 1", null].filter((id) => model.byId.has(id)));
answers.set("problems", model.problems.map(({ severity, at }) => [severity, at]));
read = 0;
answers.set("matching", []);
for (const expression of asked) {
  const { ids, error } = await model.matching(expression);
  answers.get("matching").push([[...ids], error, read]);
}
console.log(compact(answers));
