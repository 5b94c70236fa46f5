// Puts the page together: reads the rows of a source, and shows in each part what the state says.

import { byId, h, keepingFocus } from "./dom.js";
import { modelOf, tripleOf } from "./data/model.js";
import { fillHelp } from "./help.js";
import { listenToKeys } from "./keys.js";
import { showAbout } from "./page/about.js";
import { perTurn, signOf } from "./page/changes.js";
import { matchingOf } from "./page/matching.js";
import { stepsOf } from "./page/steps.js";
import { viewsOf } from "./page/views.js";
import { detailOf } from "./panels/detail.js";
import { differencesOf } from "./panels/differences.js";
import { ladderOf } from "./panels/ladder.js";
import { ordersViewOf } from "./panels/orders.js";
import { tableOf } from "./panels/table.js";
import { listenToSplitter } from "./splitter.js";
import { stateOf } from "./state.js";
import { tabsOf } from "./tabs.js";
import { plain } from "./text.js";
import { timelineOf } from "./timeline/timeline.js";
import { wrongOf } from "./wrong.js";

/**
 * Show what a source holds (see data/model.js), in the elements of the template; till then, that it is read. `live` is
 * what a live page adds (see live/start.js). Returns the model and `renew()`, which shows what it holds anew.
 */
export async function start(source, live = null) {
  const main = document.querySelector("main");
  main.setAttribute("aria-busy", "true");
  try {
    return build(live?.model ?? (await modelOf(source)), live);
  } catch (error) {
    byId("about").append(h("p", { class: "error", role: "alert" }, `The page cannot be shown: ${plain(error.message)}`));
    document.body.classList.add("empty-page");
    throw error;
  } finally {
    main.removeAttribute("aria-busy");
  }
}

function build(model, live) {
  const builders = buildersOf(model, live);
  const first = model.orders ? "orders" : model.differences ? "differences" : (live?.first ?? "timeline");
  const state = stateOf(Object.keys(builders), first, (id) => model.byId.has(id));
  const shared = { model, state, choose: (selected) => state.set({ selected }) };
  const views = viewsOf(builders, shared);
  const detail = detailOf(byId("detail"), shared);
  const tabs = tabsOf(byId("tabs"), views.names, (view) => state.set({ view }));
  const wrong = wrongOf({ model, state, timeline: views.timeline });
  const matching = matchingOf({ model, state, found: () => show(state.get(), new Set(["matches"])) });
  const follow = live?.follow(() => views.view("timeline"));
  let told = ""; // what was told of the selected item

  function show(current, changed) {
    matching.judge(current.filter);
    matching.tell(current.filter);
    tabs.mark(current.view);
    wrong.show(current);
    views.show(current, matching.ids(), changed);
    if (!changed.has("selected") && !changed.has("content")) return;
    const item = model.byId.get(current.selected);
    told = signOf(item);
    detail.show(current);
    if (changed.has("selected")) announce(item);
  }

  /** Show what the model holds now, in the view that is seen; the others when they are shown. */
  function renew() {
    views.outdate();
    matching.outdate();
    keepingFocus(() => {
      showAbout(model);
      wrong.refresh();
      const { selected } = state.get();
      if (selected !== null && !model.byId.has(selected)) state.set({ selected: null }, { passing: true });
      const item = model.byId.get(selected) ?? null;
      show(state.get(), new Set(item && told !== signOf(item) ? ["content"] : []));
      follow?.show();
    });
  }

  /** The triples in the order of the view. */
  function listed() {
    const { view, sort } = state.get();
    const isSorted = view === "table" && sort;
    return isSorted ? views.view("table").list() : model.triples.filter(({ id }) => matching.ids().has(id));
  }

  showAbout(model);
  listenToHelp(byId("help"));
  listenToSplitter(byId("splitter"), byId("detail"));
  const steps = stepsOf({ model, state, listed });
  listenToKeys({ ...steps, state, wrong, views: views.names, timeline: views.timeline, filter: matching.field, help: byId("help") });
  state.listen(show);
  live?.model.listen(perTurn(renew));
  show(state.get(), new Set(["selected", "view"]));
  requestAnimationFrame(() => performance.mark("report-painted"));
  return { model, renew };
}

/** The views of a page by name, in the order of their tabs. */
function buildersOf(model, live) {
  const builders = { ...live?.views, timeline: timelineOf, ladder: ladderOf, table: tableOf };
  if (model.differences) builders.differences = differencesOf;
  if (model.orders) builders.orders = ordersViewOf;
  return Object.assign(builders, model.source.views); // those that need a server
}

function announce(item) {
  const triple = tripleOf(item);
  byId("announce").textContent = triple ? plain(`${triple.n ?? ""} ${triple.label ?? triple.name} ${triple.state ?? ""}. ${item.problems.map(({ text }) => text).join(" ")}`) : "";
}

function listenToHelp(help) {
  fillHelp(help);
  byId("help-button").addEventListener("click", () => help.showModal());
}
