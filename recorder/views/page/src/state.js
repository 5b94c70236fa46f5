// What the page shows, kept in the address: it can be bookmarked, sent, and gone back to.

const NONE = { selected: null, filter: "", sort: "n" };

/** State that tells its listeners what changed; `first` of the `views` is shown at first, `known` tells an id. */
export function stateOf(views, first, known) {
  const listeners = [];
  const empty = { ...NONE, view: first };
  const current = () => ({ ...empty, ...read(location.hash, views, known) });
  let state = current();

  function apply(next) {
    const changed = new Set(Object.keys(empty).filter((name) => next[name] !== state[name]));
    state = next;
    if (changed.size) for (const listener of listeners) listener(state, changed);
  }

  addEventListener("hashchange", () => apply(current()));
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

function read(hash, views, known) {
  const given = new URLSearchParams(hash.slice(1));
  const found = {};
  if (views.includes(given.get("view"))) found.view = given.get("view");
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
  if (sort !== NONE.sort) kept.set("sort", sort);
  return `#${kept}`;
}
