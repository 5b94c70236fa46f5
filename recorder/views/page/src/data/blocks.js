// The content of items: headers, bodies and data. It comes in blocks, which are read when one of their items is looked at.

import { read } from "./json.js";

const KEPT = 24; // blocks

/** `at(recording, blocks, row)`: the content of an item; `each(recording, blocks, count)`: that of all, block by block. */
export function blocksOf(source) {
  const known = new Map();

  function block(recording, k) {
    const key = `${recording}-${k}`;
    const found = known.get(key) ?? source.block(recording, k);
    known.delete(key);
    known.set(key, found);
    found.catch(() => known.delete(key)); // it may be asked for again
    if (known.size > KEPT) known.delete(known.keys().next().value);
    return found;
  }

  return {
    async at(recording, blocks, row) {
      const [k, first] = blocks[blocks.findLastIndex(([, begin]) => begin <= row)];
      return (await block(recording, k))[row - first];
    },
    async *each(recording, blocks) {
      for (const [k, first] of blocks) yield [first, await source.block(recording, k)];
    },
  };
}

/** What stands in a block as a value: JSON as text, a text in a list, or null. */
export function valueOf(content) {
  if (content === null) return null;
  return Array.isArray(content) ? content[0] : read(content);
}

/** The same as text, e.g. to search it. */
export const textOf = (content) => (Array.isArray(content) ? content[0] : content);

/** The content of a triple with its values; `number` tells the number of the triple of a record. */
export function opened(content, item, number) {
  const { ack, events } = content;
  const named = (others) => others.map(([record, why]) => [number(record), why]);
  return {
    headers: content.headers,
    body: valueOf(content.body),
    ack: ack && { at: item.answered, status: item.status, headers: ack.headers, body: valueOf(ack.body) },
    failure: item.reason === null ? null : [item.answered, item.reason],
    events: events.map(({ data, why, rivals = [], others = [] }) => {
      return { data: read(data), why, rivals: rivals.map(number), others: named(others) };
    }),
  };
}

/** The content of an event that is of no triple. */
export function openedLoose({ data, others = [] }, number) {
  return { data: read(data), others: others.map(([record, why]) => [number(record), why]) };
}
