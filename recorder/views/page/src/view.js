// The pages of the viewer: what they show comes from the server that sent them. `data-kind` of the body tells which one.

import { serverSource } from "./data/server.js";
import { byId, h } from "./dom.js";
import { startLive } from "./live/start.js";
import { start } from "./main.js";
import { explanationOf } from "./view/explain.js";
import { askingFor, findingsOf } from "./view/findings.js";
import { startList } from "./view/list.js";
import { schedulesOf, wantedSchedule } from "./view/schedules.js";
import { statsOf } from "./view/stats.js";
import { toldOf, whileReading } from "./view/told.js";

const MOST = 50_000; // triples; a larger cassette is examined when its findings are asked for
const kind = document.body.dataset.kind;
const source = serverSource();

if (kind === "list") startList(source);
else if (kind === "live") startLive(source);
else startPage();

async function startPage() {
  const told = toldOf(source);
  document.querySelector("header").prepend(h("a", { id: "up", href: kind === "diff" ? "../../../" : "../../" }, "← all cassettes"));
  if (kind === "cassette") {
    source.views = { stats: statsOf, findings: findingsOf };
    source.rows = () => source.ask("rows", wantedSchedule());
    source.more = (item, choose) => explanationOf(source, item, choose);
    for (const view of Object.keys(source.views)) addView(view);
  }
  source.progress = told.progress;
  try {
    const page = whileReading(source, told, () => start(source));
    askingFor(source, page);
    const { model } = await page;
    told.watch();
    if (kind === "cassette") await schedulesOf(source);
    if (kind === "cassette" && model.triples.length <= MOST) source.findings().catch(() => undefined); // its view tells why
  } catch {
    told.say(""); // the page itself tells what went wrong
  }
}

function addView(view) {
  const label = view[0].toUpperCase() + view.slice(1);
  byId("view-differences").after(h("section", { id: `view-${view}`, role: "tabpanel", "aria-label": label, hidden: true }));
}
