// Puts the page together: reads the rows of a source, builds the views, and shows what the state says.

import { byId, h } from "./dom.js";
import { detailOf } from "./panels/detail.js";
import { differencesOf } from "./panels/differences.js";
import { count, duration, wall } from "./format.js";
import { fillHelp } from "./help.js";
import { listenToKeys } from "./keys.js";
import { ladderOf } from "./panels/ladder.js";
import { modelOf, tripleOf } from "./data/model.js";
import { listenToSplitter } from "./splitter.js";
import { stateOf } from "./state.js";
import { tableOf } from "./panels/table.js";
import { tabsOf } from "./tabs.js";
import { plain } from "./text.js";
import { timelineOf } from "./timeline/timeline.js";
import { wrongOf } from "./wrong.js";

/**
 * Show what a source holds (see data/model.js), in the elements of the template; till then, that it is read. `live` is
 * what a live page adds (see live/start.js).
 */
export async function start(source, live = null) {
  const main = document.querySelector("main");
  main.setAttribute("aria-busy", "true");
  try {
    build(live?.model ?? (await modelOf(source)), live);
  } catch (error) {
    byId("about").append(h("p", { class: "error", role: "alert" }, `The page cannot be shown: ${plain(error.message)}`));
    throw error;
  } finally {
    main.removeAttribute("aria-busy");
  }
}

function build(model, live) {
  const builders = { timeline: timelineOf, ladder: ladderOf, table: tableOf };
  Object.assign(builders, live?.views);
  if (model.differences) builders.differences = differencesOf;
  Object.assign(builders, model.source.views); // those that need a server
  const VIEWS = Object.keys(builders);
  const state = stateOf(VIEWS, model.differences ? "differences" : (live?.first ?? "timeline"), (id) => model.byId.has(id));
  const choose = (selected) => state.set({ selected });
  const shared = { model, state, choose };
  const made = {};
  const viewOf = (view) => (made[view] ??= builders[view](byId(`view-${view}`), shared)); // when it is first shown
  const detail = detailOf(byId("detail"), shared);
  const [filter, note, help] = ["filter", "filter-note", "help"].map(byId);
  const tabs = tabsOf(byId("tabs"), VIEWS, (view) => state.set({ view }));
  const calls = ["zoomBy", "zoomOut", "panBy", "zoomToSelected", "zoomAround", "bringOut", "foldSelected"];
  const timeline = Object.fromEntries(calls.map((name) => [name, (...values) => viewOf("timeline")[name](...values)]));
  const wrong = wrongOf({ model, state, timeline });
  let matches = { ids: new Set(model.triples.map(({ id }) => id)), error: "" };
  let judged = ""; // the filter by which they were found
  let told = ""; // what was told of the selected item, on a live page
  const stale = new Set(); // views that do not show yet what the model holds
  const follow = live?.follow(() => viewOf("timeline"));

  function show(current, changed) {
    judge(current.filter);
    tellOfFilter(current);
    for (const view of VIEWS) byId(`view-${view}`).hidden = view !== current.view;
    tabs.mark(current.view);
    wrong.show(current);
    freshen(current.view);
    viewOf(current.view).show(current, matches.ids, changed);
    if (changed.has("selected")) {
      told = signOf(model.byId.get(current.selected));
      detail.show(current);
      announce(model.byId.get(current.selected));
    }
  }

  /** Take over what the model holds now, in the view that is seen; the others when they are shown. */
  function renew() {
    for (const view of VIEWS) stale.add(view);
    about();
    wrong.refresh();
    const { selected, filter: text } = state.get();
    if (selected !== null && !model.byId.has(selected)) state.set({ selected: null }, { passing: true });
    if (text.trim()) judged = null;
    else matches = { ids: new Set(model.triples.map(({ id }) => id)), error: "" };
    const item = model.byId.get(selected) ?? null;
    const changed = new Set(item && told !== signOf(item) ? ["selected"] : []);
    show(state.get(), changed);
    follow.show();
  }

  /** Let a view take over what the model holds; one that cannot is built anew. */
  function freshen(view) {
    if (!stale.delete(view) || !made[view]) return;
    if (made[view].refresh) return made[view].refresh();
    byId(`view-${view}`).replaceChildren();
    delete made[view];
  }

  /** Find what fits a filter. It may take a while: what was found before is shown till then, and an older one is dropped. */
  async function judge(text) {
    if (text === judged) return;
    judged = text;
    filter.setAttribute("aria-busy", "true");
    const found = await model.matching(text).catch(({ message }) => ({ ids: matches.ids, error: message }));
    if (text !== judged) return;
    matches = found;
    filter.removeAttribute("aria-busy");
    show(state.get(), new Set());
  }

  function tellOfFilter({ filter: text }) {
    if (filter.value !== text) filter.value = text;
    filter.setAttribute("aria-invalid", String(Boolean(matches.error)));
    const all = model.triples.length;
    note.textContent = matches.error || (text.trim() ? `${matches.ids.size} of ${all}` : "");
    note.className = matches.error ? "error" : "";
  }

  function announce(item) {
    const triple = tripleOf(item);
    byId("announce").textContent = triple ? plain(`${triple.n ?? ""} ${triple.label ?? triple.name} ${triple.state ?? ""}. ${item.problems.map(({ text }) => text).join(" ")}`) : "";
  }

  /** The next triple of those in sight; from nothing, the first or last. */
  function step(by) {
    const { view, selected, sort } = state.get();
    if (view === "table") viewOf("table").show(state.get(), matches.ids);
    const listed = view === "table" && sort ? viewOf("table").list() : model.triples.filter(({ id }) => matches.ids.has(id));
    const at = listed.indexOf(tripleOf(model.byId.get(selected)));
    const next = at < 0 ? listed.at(by > 0 ? 0 : -1) : listed[Math.max(0, Math.min(listed.length - 1, at + by))];
    if (next) state.set({ selected: next.id }, { passing: true });
  }

  function stepEvent(by) {
    const item = model.byId.get(state.get().selected);
    const triple = tripleOf(item);
    if (!triple?.events) return;
    const next = [triple, ...triple.events][(item === triple ? 0 : item.place + 1) + by];
    if (next) state.set({ selected: next.id }, { passing: true });
  }

  function about() {
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
    byId("about").querySelectorAll("h1, h1 + p").forEach((node) => node.remove()); // of a live page, as it was before
    byId("about").append(h("h1", { dir: "auto" }, plain(model.title)), h("p", { class: "facts" }, facts.filter(Boolean).join(" · ")));
  }

  about();
  fillHelp(help);
  byId("help-button").addEventListener("click", () => help.showModal());
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    filter.blur();
  });
  filter.addEventListener("input", () => state.set({ filter: filter.value }, { passing: true }));
  listenToSplitter(byId("splitter"), byId("detail"));
  listenToKeys({ state, views: VIEWS, filter, help, step, stepEvent, timeline, wrong });
  state.listen(show);
  live?.model.listen(perTurn(renew));
  show(state.get(), new Set(["selected", "view"]));
  requestAnimationFrame(() => performance.mark("report-painted"));
}

/** What changes when an item of a live page does. */
function signOf(item) {
  const triple = tripleOf(item);
  return triple ? [triple.id, triple.state, triple.answered, triple.events?.length].join() : "";
}

/** Do something at most four times a second, and not while nobody sees it. */
function perTurn(act) {
  let isDue = false;
  const later = () => {
    if (document.hidden) return setTimeout(later, 250);
    isDue = false;
    act();
  };
  return () => {
    if (!isDue) setTimeout(later, 250);
    isDue = true;
  };
}
