// The help: keys, and the language of the filter.

import { h } from "./dom.js";
import { KEYS } from "./keys.js";

const LANGUAGE = [
  ["chained 1001", "both words stand anywhere in the triple: names, ids, bodies"],
  ["op:Get* -state:complete", "operations whose names begin with Get, in any state but complete"],
  ["last:>500 or ack:100..200", "milliseconds to the last event, or to the ack"],
  ["confidence:<1 rule:tuple", "events linked by no exact id"],
];
const FILTER_KEYS = "Keys: op handle ref session state channel event rule path method; n status ack last gap events confidence at.";

/** Fill the dialog. */
export function fillHelp(dialog) {
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const list = (rows, tag) => h("dl", {}, rows.flatMap(([name, what]) => [h("dt", {}, h(tag, {}, name)), h("dd", {}, what)]));
  const whole = [h("h2", {}, "Keys"), list(KEYS, "kbd"), h("h2", {}, "Filter"), list(LANGUAGE, "code"), h("p", {}, FILTER_KEYS), close];
  dialog.replaceChildren(...whole);
}
