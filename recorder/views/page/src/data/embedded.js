// Where the page of a report has its data from: the elements of its own file.

import { byId } from "../dom.js";
import { unzipped } from "./unzip.js";

/** A source (see model.js) that asks nobody. */
export function embeddedSource() {
  return {
    rows: () => unzipped(byId("data").textContent),
    block: (recording, k) => unzipped(byId(`block-${recording}-${k}`).textContent),
    search: async () => null,
    live: () => null,
  };
}
