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

/** A triple for the filter, which asks for little of it; bodies and data, which only words look at, are text. */
class Judged {
  constructor(triple, content) {
    this.triple = triple;
    this.content = content;
  }

  get n() {
    return this.triple.n;
  }

  get at() {
    return this.triple.at / 1e6;
  }

  get operation() {
    return this.triple.operation;
  }

  get handle() {
    return this.triple.handle;
  }

  get referenceId() {
    return this.triple.reference;
  }

  get session() {
    return this.triple.session;
  }

  get state() {
    return this.triple.state;
  }

  get keys() {
    return this.triple.keys;
  }

  get request() {
    const { method, target } = this.triple;
    return { method, path: target, body: this.content && textOf(this.content.body) };
  }

  get ack() {
    const { status, answered, at } = this.triple;
    if (status === null) return null;
    return { status, ms: (answered - at) / 1000, body: this.content?.ack && textOf(this.content.ack.body) };
  }

  get events() {
    const { events, at } = this.triple;
    return events.map((event, place) => {
      const { name, channel, rule, confidence } = event;
      return { name, channel, rule, confidence, offset_ms: (event.at - at) / 1000, data: this.content && this.content.events[place].data };
    });
  }
}

const shownOf = (triple, content = null) => new Judged(triple, content);
