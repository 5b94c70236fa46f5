// The live page: the same page as that of a recording, with a bar that says how it goes, and a view of what goes on.

import { byId, h } from "../dom.js";
import { liveModelOf } from "../data/live.js";
import { start } from "../main.js";
import { barOf } from "./bar.js";
import { followOf } from "./follow.js";
import { liveOf } from "./view.js";

/** Show what a server shows live. */
export async function startLive(source) {
  const model = await liveModelOf(source);
  const views = byId("view-timeline").parentElement;
  views.prepend(h("section", { id: "view-live", role: "tabpanel", "aria-label": "Live", hidden: true }));
  const bar = h("div", { id: "live-bar", role: "group", "aria-label": "Progress" });
  byId("about").after(bar);
  document.body.classList.add("live");
  const shown = barOf(bar, model);
  await start(source, { model, views: { live: liveOf }, first: "live", follow: (timeline) => followOf(model, timeline) });
  model.listen(shown.show);
  source.live(model.apply, model.connected);
}
