// What the page shows, kept in the address: it can be bookmarked, sent, and gone back to.

const NONE = { selected: null, filter: "", sort: "n", fold: "", hide: "", list: "", legend: "" };
const WORDS = ["filter", "sort", "fold", "hide", "list", "legend"]; // what the address has as it is, where it is not that

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
  for (const name of WORDS) if (given.has(name)) found[name] = given.get(name);
  return found;
}

function write({ view, selected, ...words }) {
  const kept = new URLSearchParams();
  if (selected !== null) kept.set(/^\d+$/.test(selected) ? "triple" : "event", selected);
  kept.set("view", view);
  for (const name of WORDS) if (words[name] !== NONE[name]) kept.set(name, words[name]);
  return `#${kept}`;
}

/** The keys a text lists, as `fold` and `hide` do. */
export function keysOf(text) {
  return new Set(text.split(",").filter(Boolean).map((key) => key.replace(/%2C/g, ",").replace(/%25/g, "%")));
}

/** The text with a key more, or without it. */
export function withKey(text, key, isThere) {
  const keys = keysOf(text);
  if (isThere) keys.add(key);
  else keys.delete(key);
  return [...keys].map((one) => one.replace(/%/g, "%25").replace(/,/g, "%2C")).join(",");
}
