// The timeline alone, with a made-up recording of any length: `run(n)` shows it, `frames()` zooms and moves it.

import { timelineOf } from "../../../recorder/views/page/src/timeline/timeline.js";
import { stateOf } from "../../../recorder/views/page/src/state.js";

const SESSIONS = 4;
const WRONG = 997; // each such operation failed, and those half way between are overdue

let view = null;

window.run = (n) => {
  const model = modelOf(n);
  const root = document.getElementById("view-timeline");
  root.hidden = false;
  const state = stateOf(["timeline"], "timeline", (id) => model.byId.has(id));
  view = timelineOf(root, { model, state, choose: () => null });
  view.show(state.get(), new Set(model.triples.map(({ id }) => id)), new Set(["view"]));
  return { problems: model.problems.length, at: model.problems.map(({ at }) => at / model.ended) };
};

window.zoomTo = (at, share) => {
  view.zoomOut();
  if (share < 1) view.zoomAround({ at: at - share * window.ended / 2, end: at + share * window.ended / 2 });
  return painted();
};

/** Turn and drag, a frame each; how many frames that were. */
window.frames = async (count) => {
  for (let k = 0; k < count; k++) {
    if (k % 3 < 2) view.zoomBy(k % 2 ? 1.6 : 1 / 1.5);
    else view.panBy(k % 2 ? 0.2 : -0.2);
    await painted();
  }
};

const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

function modelOf(n) {
  const empty = { triples: [], plain: [], loose: [], events: [], polls: [], notes: [], sessions: [], problems: [] };
  const model = { ...empty, byId: new Map(), recordings: [], began: 0, ended: 0 };
  let at = 0;
  for (let i = 1; i <= n; i++) {
    at += 40_000 + 30_000 * Math.sin(i / 300); // busier at some times than at others
    const state = i % WRONG === 0 ? "failed" : "complete";
    const triple = { kind: "triple", id: String(i), n: i, operation: "Get", label: "Get", session: `s${i % SESSIONS}`, state, at, answered: at + 12_000, status: 200, reason: null, lastEvent: at + 16_000, end: at + 16_000, problems: [], events: [] };
    for (let k = 0; k < 3; k++) triple.events.push({ kind: "event", id: `${i}.${k + 1}`, place: k, triple, name: "E", channel: k % 2 ? "/a" : "/b", at: at + 13_000 + k * 1000, rule: "reference", confidence: k ? 0.9 : 1, problems: [] });
    if (i % WRONG === 0) blame(model, triple, "failed", "error");
    if (i % WRONG === 500) blame(model, triple, "overdue", "warning");
    model.triples.push(triple);
    model.events.push(...triple.events);
    model.byId.set(triple.id, triple);
  }
  window.ended = model.ended = at + 20_000;
  return model;
}

function blame(model, item, code, severity) {
  const problem = { item, code, severity, text: `${code}.`, at: item.at };
  item.problems.push(problem);
  model.problems.push(problem);
}
