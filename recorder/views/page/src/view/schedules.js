// The schedules that lie beside a cassette: each is a link to this page with its order beside the recorded one.

import { byId, h } from "../dom.js";
import { clipped } from "../text.js";

/** What the address asks for, as the server is asked: `{schedule}`, or nothing. */
export function wantedSchedule() {
  const schedule = new URLSearchParams(location.search).get("schedule");
  return schedule === null ? {} : { schedule };
}

/** Show links to the orders, if there are any. */
export async function schedulesOf(source) {
  const { schedules } = await source.ask("schedules");
  if (!schedules.length) return;
  const wanted = wantedSchedule().schedule ?? null;
  const link = (id, text, title) => h("a", { href: id === null ? location.pathname : `?schedule=${id}`, title, "aria-current": id === wanted ? "page" : null }, text);
  const links = schedules.map(({ id, says }) => link(id, id, clipped(says, 200)));
  byId("headline").after(h("nav", { id: "schedules", class: "facts", "aria-label": "Orders" }, "orders: ", link(null, "recorded", null), ...links));
}
