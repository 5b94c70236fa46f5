// Which triples the filter means, in the shape both filters judge: that of `recorder ls --json`.

import { textOf } from "./blocks.js";
import { parse } from "./filter.js";

/**
 * The function that finds the ids of the triples that fit an expression; `error` is the mistake of one that is none. Only
 * for words the content of all triples is read; a search that is asked for meanwhile ends the one before.
 */
export function searchOf(model, blocks) {
  let searches = 0;
  return async (expression) => {
    const search = (searches += 1);
    try {
      const fits = parse(expression, model.keys);
      const judged = fits.hasWords ? await model.source.search(expression) : null;
      if (judged) return { ids: new Set(judged.map(String)), error: "" };
      if (!fits.hasWords) return { ids: idsOf(model.triples.filter((triple) => fits(shownOf(triple)))), error: "" };
      return { ids: await searched(model, blocks, fits, () => search === searches), error: "" };
    } catch (error) {
      if (error.column === undefined) throw error;
      return { ids: idsOf(model.triples), error: error.message };
    }
  };
}

const idsOf = (triples) => new Set(triples.map(({ id }) => id));

async function searched(model, blocks, fits, isWanted) {
  const byRow = model.recordings.map(() => []);
  for (const triple of model.triples) byRow[triple.recording][triple.row] = triple;
  const ids = new Set();
  for (const [place, { blocks: places }] of model.recordings.entries()) {
    for await (const [first, contents] of blocks.each(place, places.triples ?? [])) {
      if (!isWanted()) return ids;
      contents.forEach((content, at) => {
        const triple = byRow[place][first + at];
        if (fits(shownOf(triple, content))) ids.add(triple.id);
      });
    }
  }
  return ids;
}

/** A triple for the filter; bodies and data, which only words look at, are text. */
function shownOf(triple, content = null) {
  const { n, at, operation, handle, session, state, keys, method, target, status } = triple;
  const ms = (moment) => (moment - at) / 1000;
  return {
    n,
    at: at / 1e6,
    operation,
    handle,
    referenceId: triple.reference,
    session,
    state,
    keys,
    request: { method, path: target, body: content && textOf(content.body) },
    ack: status === null ? null : { status, ms: ms(triple.answered), body: content?.ack && textOf(content.ack.body) },
    events: triple.events.map(({ name, channel, rule, confidence, at: moment }, place) => {
      return { name, channel, rule, confidence, offset_ms: ms(moment), data: content && content.events[place].data };
    }),
  };
}
