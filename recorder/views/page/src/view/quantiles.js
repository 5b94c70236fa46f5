// Latencies of triples, and what is usual among them: the same ranks as `recorder stats` has.

/** Milliseconds from the request to the ack, or to the last event; null without one. */
export function latency(triple, kind) {
  if (kind === "ack") return triple.status === null ? null : (triple.answered - triple.at) / 1000;
  return triple.lastEvent === null ? null : (triple.lastEvent - triple.at) / 1000;
}

/** Least, median, 95th percentile and most of numbers (nearest rank); null without numbers. */
export function spread(numbers) {
  if (!numbers.length) return null;
  const sorted = Float64Array.from(numbers).sort();
  const at = (percent) => sorted[Math.max(Math.ceil((percent * sorted.length) / 100) - 1, 0)];
  return { min: at(0), p50: at(50), p95: at(95), max: at(100) };
}

/** The triples by their operation, those with the most first. */
export function byOperation(triples) {
  const groups = new Map();
  for (const triple of triples) {
    const name = triple.operation ?? "";
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(triple);
  }
  return [...groups].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
}

/** The filter for an operation, with more terms. */
export function filterOf(operation, ...terms) {
  const escaped = operation.replace(/["\\]/g, "\\$&");
  return [`op:"${escaped}"`, ...terms].join(" ");
}
