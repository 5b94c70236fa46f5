// Reads JSON texts with the page's reader, and prints each as it would be shown, or "no" where it is none.

import { readFileSync } from "node:fs";
import { read } from "../../../recorder/views/page/src/data/json.js";
import { compact } from "../../../recorder/views/page/src/text.js";

function shown(text) {
  try {
    return compact(read(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return "no";
  }
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(shown)));
