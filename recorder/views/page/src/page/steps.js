// From triple to triple, and from event to event.

import { tripleOf } from "../data/model.js";

/** `listed()` is the list of triples in the order of the view that is shown. */
export function stepsOf({ model, state, listed }) {
  const go = (item) => item && state.set({ selected: item.id }, { passing: true });
  return {
    /** The next triple of those in sight; from nothing, the first or last. */
    step(by) {
      const triples = listed();
      const at = triples.indexOf(tripleOf(model.byId.get(state.get().selected)));
      go(at < 0 ? triples.at(by > 0 ? 0 : -1) : triples[Math.max(0, Math.min(triples.length - 1, at + by))]);
    },
    stepEvent(by) {
      const item = model.byId.get(state.get().selected);
      const triple = tripleOf(item);
      if (triple?.events) go([triple, ...triple.events][(item === triple ? 0 : item.place + 1) + by]);
    },
  };
}
