// Which triples the filter means, in the shape both filters judge: that of `recorder ls --json`.

import { parse } from "./filter.js";

/** The ids of the fitting triples; `error` is the mistake of an expression that is none. */
export function matching(model, expression) {
  try {
    const fits = parse(expression, model.keys);
    return { ids: new Set(model.triples.filter((triple) => fits(shownOf(triple))).map(({ id }) => id)), error: "" };
  } catch (error) {
    if (error.column === undefined) throw error;
    return { ids: new Set(model.triples.map(({ id }) => id)), error: error.message };
  }
}

const known = new WeakMap();

function shownOf(triple) {
  if (known.has(triple)) return known.get(triple);
  const { n, at, operation, handle, session, state, keys, method, target, body, ack } = triple;
  const ms = (moment) => (moment - at) / 1000;
  const shown = {
    n,
    at: at / 1e6,
    operation,
    handle,
    referenceId: triple.reference,
    session,
    state,
    keys,
    request: { method, path: target, body },
    ack: ack && { status: ack.status, ms: ms(ack.at), body: ack.body },
    events: triple.events.map((event) => ({ ...event, offset_ms: ms(event.at) })),
  };
  known.set(triple, shown);
  return shown;
}
