// The filter: its field, and the triples that fit.

import { byId } from "../dom.js";

/** `found()` is called when others fit than before. */
export function matchingOf({ model, state, found }) {
  const [field, note] = ["filter", "filter-note"].map(byId);
  let matches = all();
  let judged = ""; // the filter by which they were found

  function all() {
    return { ids: new Set(model.triples.map(({ id }) => id)), error: "" };
  }

  field.addEventListener("input", () => state.set({ filter: field.value }, { passing: true }));
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    field.blur();
  });

  return {
    field,
    ids: () => matches.ids,
    /** The model holds other triples. */
    outdate() {
      if (judged.trim()) judged = null;
      else matches = all();
    },
    /** Find what fits. It may take a while: what was found before is shown till then, and an older one is dropped. */
    async judge(text) {
      if (text === judged) return;
      judged = text;
      field.setAttribute("aria-busy", "true");
      const next = await model.matching(text).catch(({ message }) => ({ ids: matches.ids, error: message }));
      if (text !== judged) return;
      matches = next;
      field.removeAttribute("aria-busy");
      found();
    },
    /** Say how many fit, or what is wrong with the filter. */
    tell(text) {
      if (field.value !== text) field.value = text;
      field.setAttribute("aria-invalid", String(Boolean(matches.error)));
      note.textContent = matches.error || (text.trim() ? `${matches.ids.size} of ${model.triples.length}` : "");
      note.className = matches.error ? "error" : "";
    },
  };
}
