// How far a client of a stand-in is: what it played, what is next, what is on its way to it.

import { h } from "../dom.js";
import { count } from "../format.js";
import { plain } from "../text.js";

export function sessionCard({ name, recorded, played, of, next, unplayed, pending, where }, now) {
  const waiting = pending.filter(({ steps }) => steps);
  const facts = [recorded ? `follows ${recorded}` : null, where].filter(Boolean);
  return h(
    "details",
    { class: "client" },
    h(
      "summary",
      {},
      h("b", {}, plain(name)),
      " ",
      of === null ? `${played} played` : `${played} of ${of} played`,
      h("span", { class: "facts" }, facts.map((fact) => ` · ${plain(fact)}`).join("")),
      of ? h("meter", { min: 0, max: of, value: played, "aria-label": `played of ${name}` }) : null,
      h("div", {}, next === null ? "all was played" : [h("span", { class: "facts" }, "next: "), plain(next)]),
      waiting.length ? h("ul", {}, waiting.map((run) => pendingRow(run, now))) : null,
    ),
    h("p", { class: "facts" }, unplayed.length ? `not asked for: ${unplayed.join(", ")}` : "nothing is left"),
  );
}

function pendingRow({ triple, steps, dueIn }, now) {
  const what = triple === null ? "unsolicited events" : `triple ${triple}`;
  const due = dueIn === null ? "" : h("span", { "data-due": now + dueIn * 1e6 });
  return h("li", {}, `${what}: ${count(steps, "step")} on the way, `, due);
}
