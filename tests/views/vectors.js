// Reads triples and expressions as JSON, judges the triples by each, prints the answers.

import { readFileSync } from "node:fs";
import { FilterError, parse } from "../../recorder/views/page/src/data/filter.js";
import { read } from "../../recorder/views/page/src/data/json.js";

const vectors = read(readFileSync(0, "utf8"));
const keys = new Set(vectors.get("keys"));
const triples = vectors.get("triples").map(shown);

function shown(map) {
  const triple = Object.fromEntries(map);
  triple.request = Object.fromEntries(triple.request);
  triple.ack = triple.ack && Object.fromEntries(triple.ack);
  triple.events = triple.events.map(Object.fromEntries);
  for (const part of [triple, triple.ack ?? {}, ...triple.events]) {
    for (const [name, value] of Object.entries(part)) if (value?.text !== undefined) part[name] = Number(value.text);
  }
  return triple;
}

function answer(expression) {
  try {
    const fits = parse(expression, keys);
    return triples.filter(fits).map(({ n }) => n);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return { column: error.column };
  }
}

console.log(JSON.stringify(vectors.get("asked").map(answer)));
