// The views: each is built when it is first shown, and takes over what changed when it is shown again.

import { byId } from "../dom.js";

const MOVES = ["zoomBy", "zoomOut", "panBy", "zoomToSelected", "zoomAround", "bringOut", "foldSelected"];

/** `builders` makes each view in its section, by name, of `shared`; a view has `show` and `refresh`. */
export function viewsOf(builders, shared) {
  const names = Object.keys(builders);
  const made = {};
  const stale = new Set(); // those that do not show yet what the model holds
  const view = (name) => (made[name] ??= builders[name](byId(`view-${name}`), shared));

  return {
    names,
    view,
    /** The ways to move the timeline, which may not have been shown yet. */
    timeline: Object.fromEntries(MOVES.map((move) => [move, (...values) => view("timeline")[move](...values)])),
    /** The model holds something else. */
    outdate() {
      for (const name of Object.keys(made)) stale.add(name);
    },
    /** Show the view of a state, with the ids of the triples that fit, and hide the others. */
    show(state, ids, changed) {
      for (const name of names) byId(`view-${name}`).hidden = name !== state.view;
      if (stale.delete(state.view)) view(state.view).refresh();
      view(state.view).show(state, ids, changed);
    },
  };
}
