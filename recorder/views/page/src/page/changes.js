// What changes under the reader: on a live page, or when something comes later.

import { tripleOf } from "../data/model.js";

const OFTEN = 250; // ms between two changes that are shown

/** What changes when an item does. */
export function signOf(item) {
  const triple = tripleOf(item);
  return triple ? [triple.id, triple.state, triple.answered, triple.events?.length, triple.problems.length].join() : "";
}

/** Do something at most four times a second, and not while nobody sees it. */
export function perTurn(act) {
  let isDue = false;
  const later = () => {
    if (document.hidden) return setTimeout(later, OFTEN);
    isDue = false;
    act();
  };
  return () => {
    if (!isDue) setTimeout(later, OFTEN);
    isDue = true;
  };
}
