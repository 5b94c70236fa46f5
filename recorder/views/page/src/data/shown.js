// Which triples the filter means, in the shape both filters judge: that of `recorder ls --json`.

import { parse } from "./filter.js";

/** The ids of the fitting triples; `error` is the mistake of an expression that is none. */
export async function matching(model, expression) {
  try {
    const fits = parse(expression, model.keys);
    const ids = new Set();
    for (const triple of model.triples) if (fits(shownOf(triple, await model.detail(triple)))) ids.add(triple.id);
    return { ids, error: "" };
  } catch (error) {
    if (error.column === undefined) throw error;
    return { ids: new Set(model.triples.map(({ id }) => id)), error: error.message };
  }
}

const known = new WeakMap();

function shownOf(triple, full) {
  if (known.has(triple)) return known.get(triple);
  const { n, at, operation, handle, session, state, keys, method, target } = triple;
  const { body, ack } = full;
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
    events: triple.events.map(({ name, channel, rule, confidence, at: moment }, place) => {
      return { name, channel, rule, confidence, offset_ms: ms(moment), data: full.events[place].data };
    }),
  };
  known.set(triple, shown);
  return shown;
}
