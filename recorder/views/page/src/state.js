// What the page shows, kept in the address: it can be bookmarked, sent, and gone back to.

export const VIEWS = ["timeline", "ladder", "table"];
const EMPTY = { view: "timeline", selected: null, filter: "", sort: "n" };

/** State that tells its listeners what changed; `known` says which ids there are. */
export function stateOf(known) {
  const listeners = [];
  let state = { ...EMPTY, ...read(location.hash, known) };

  function apply(next) {
    const changed = new Set(Object.keys(EMPTY).filter((name) => next[name] !== state[name]));
    state = next;
    if (changed.size) for (const listener of listeners) listener(state, changed);
  }

  addEventListener("hashchange", () => apply({ ...EMPTY, ...read(location.hash, known) }));
  return {
    get: () => state,
    listen: (listener) => listeners.push(listener),
    /** Change something. A step of its own in the history, unless it is one of many (`passing`: typing, paging). */
    set(change, { passing = false } = {}) {
      const next = { ...state, ...change };
      const hash = write(next);
      apply(next);
      if (hash === location.hash) return;
      if (passing) location.replace(hash);
      else location.hash = hash;
    },
  };
}

function read(hash, known) {
  const given = new URLSearchParams(hash.slice(1));
  const found = {};
  if (VIEWS.includes(given.get("view"))) found.view = given.get("view");
  const selected = given.get("triple") ?? given.get("event");
  if (known(selected)) found.selected = selected;
  if (given.has("filter")) found.filter = given.get("filter");
  if (given.has("sort")) found.sort = given.get("sort");
  return found;
}

function write({ view, selected, filter, sort }) {
  const kept = new URLSearchParams();
  if (selected !== null) kept.set(/^\d+$/.test(selected) ? "triple" : "event", selected);
  kept.set("view", view);
  if (filter) kept.set("filter", filter);
  if (sort !== EMPTY.sort) kept.set("sort", sort);
  return `#${kept}`;
}
