// What the page is of: its title and a line of facts.

import { byId, h } from "../dom.js";
import { count, duration, wall } from "../format.js";
import { plain } from "../text.js";

/** Show it, as the model is now. */
export function showAbout(model) {
  const { recordings, triples, events, loose, sessions, began, ended } = model;
  const [first] = recordings;
  const facts = [
    count(triples.length, "operation"),
    count(events.length, "event"),
    loose.length ? `${loose.length} unsolicited` : null,
    sessions.length > 1 ? count(sessions.length, "session") : null,
    model.differences ? count(model.differences.flatMap(({ rows }) => rows).length, "difference") : null,
    duration(ended - began),
    plain(first.upstream),
    model.started === null ? null : wall(model.started),
    plain(`dialect ${first.dialect}, redaction ${first.redaction}`),
  ];
  const about = byId("about");
  about.querySelectorAll("h1, h1 + p").forEach((node) => node.remove()); // of a live page, as it was before
  about.append(h("h1", { dir: "auto" }, plain(model.title)), h("p", { class: "facts" }, (model.live ? facts.slice(-3) : facts).filter(Boolean).join(" · ")));
}
