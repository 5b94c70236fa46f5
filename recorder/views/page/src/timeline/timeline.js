// The timeline: what happened when, on lanes; can be zoomed, moved, folded and pointed at.

import { select } from "d3-selection";
import { zoom as zooming, zoomIdentity } from "d3-zoom";

import { oncePerFrame, sized } from "./canvas.js";
import { h, textScale } from "../dom.js";
import { foldOf } from "./fold.js";
import { count } from "../format.js";
import { gutterOf } from "./gutter.js";
import { hitOf } from "./hit.js";
import { lanesOf } from "./lanes.js";
import { tripleOf } from "../data/model.js";
import { overviewOf } from "./overview.js";
import { AXIS, paint } from "./paint.js";
import { laneKeyOf, seriesOf, sessionKeyOf, sessionOf } from "./series.js";
import { legendOf } from "../panels/legend.js";
import { keysOf, withKey } from "../state.js";
import { themeOf } from "../theme.js";
import { tooltip } from "../panels/tooltip.js";

const FINEST = 20; // µs a pixel, at most
const AROUND = 1_000_000; // µs beside what is zoomed to
const MARGIN = 8; // pixels beside what is in sight: a diamond reaches into it

export function timelineOf(root, { model, state, choose }) {
  let fold = null;
  let series = [];
  const strip = h("canvas", { class: "overview", "aria-hidden": "true" });
  const canvas = h("canvas", { class: "lanes", role: "img", tabindex: 0, "aria-describedby": "timeline-keys" });
  const plot = h("div", { class: "plot" }, canvas);
  const axis = h("canvas", { "aria-hidden": "true" });
  const gutter = gutterOf((what, key) => toggle(what, key));
  const tools = h("div", { class: "gutter tools" });
  const head = h("div", { class: "timeline-head" }, tools, h("div", { class: "plot" }, strip, axis));
  const scroller = h("div", { class: "scroller" }, gutter.element, plot);
  const keys = h("p", { class: "unseen", id: "timeline-keys" }, "j and k select an operation, n and p an event of it, e the next problem; plus, minus and the arrows zoom and move. The table lists the same.");
  root.append(head, scroller, keys);
  const legend = legendOf(root, state);

  const draw = oncePerFrame(drawNow);
  const overview = overviewOf(strip, { show: (window) => (window ? zoomTo(...window) : draw()) });
  const target = select(canvas);
  const zoom = zooming().filter(isZoom).on("zoom", ({ transform }) => {
    scene.transform = transform;
    draw();
  });
  const scene = { model, transform: zoomIdentity, width: 0, matches: null, selected: null, hovered: null };
  scene.theme = themeOf((theme) => {
    scene.theme = theme;
    draw();
  });
  scene.at = (place) => scene.transform.applyX(place * scene.width);
  scene.x = (moment) => scene.at(fold.place(moment));
  scene.font = (size) => `${size * scene.layout.scale}px ${scene.theme.family}`;
  refresh();

  /** Take over what the model holds now. */
  function refresh() {
    const seen = scene.transform.k > 1 && scene.width ? [scene.from, scene.to].map((place) => fold.moment(place)) : null;
    fold = scene.fold = foldOf([model.triples, model.plain, model.loose], model.began, model.ended);
    series = seriesOf(model, fold);
    canvas.setAttribute("aria-label", summary(model));
    judge(scene.matches);
    arrange();
    if (seen) zoomTo(...seen.map((moment) => fold.place(moment))); // the same moments stay in sight
  }

  /** Put the lanes where they belong, as far as they are not folded or hidden. */
  function arrange() {
    const { fold: folded, hide } = state.get();
    const hidden = keysOf(hide);
    scene.layout = lanesOf(series, { fold, folded: keysOf(folded), hidden, scale: textScale() });
    plot.style.height = `${scene.layout.height}px`;
    gutter.show(scene.layout);
    fillTools(folded, hidden);
    resize();
  }

  function fillTools(folded, hidden) {
    const sessions = [...new Set(series.map(({ session }) => sessionKeyOf(session)))];
    const button = (text, act, label = null) => h("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
    const shut = sessions.every((key) => keysOf(folded).has(key));
    const all = shut ? "" : sessions.reduce((text, key) => withKey(text, key, true), folded);
    tools.replaceChildren(
      h("div", {}, button("−", () => api.zoomBy(1 / 1.6), "Zoom out"), button("+", () => api.zoomBy(1.6), "Zoom in"), button("all", () => api.zoomOut(), "Show all of the time")),
      ...(sessions.length > 1 ? [button(shut ? "unfold all" : "fold all", () => state.set({ fold: all }))] : []),
      ...(hidden.size ? [button(`show ${hidden.size} hidden`, () => state.set({ hide: "" }))] : []),
    );
  }

  function toggle(what, key) {
    const text = state.get()[what];
    state.set({ [what]: withKey(text, key, !keysOf(text).has(key)) });
  }

  /** Note what fits the filter, in columns. */
  function judge(matches) {
    scene.matches = matches ?? new Set(model.triples.map(({ id }) => id));
    const all = scene.matches.size === model.triples.length;
    for (const one of series) {
      const fits = ({ kind, id, triple }) => kind === "triple" ? scene.matches.has(id) : !triple || scene.matches.has(triple.id);
      one.fits = all ? null : Uint8Array.from(one.items, fits);
    }
  }

  function drawNow() {
    if (!scene.width) return;
    scene.scroll = scroller.scrollTop;
    scene.from = scene.transform.invertX(0) / scene.width;
    scene.to = scene.transform.invertX(scene.width) / scene.width;
    scene.margin = MARGIN / scene.width / scene.transform.k;
    paint(scene);
    overview.draw(scene.theme, [scene.from, scene.to]);
  }

  /** Only what is in sight is drawn: the canvas is as high as that, and stays there. */
  function resize(whole = false) {
    const width = plot.clientWidth;
    if (!width) return;
    const { layout } = scene;
    const height = whole === true ? layout.height : Math.min(layout.height, scroller.clientHeight);
    const moved = scene.width ? width / scene.width : 1;
    Object.assign(scene, { width, height, context: sized(canvas, width, height) });
    scene.axis = sized(axis, width, AXIS * layout.scale);
    overview.resize(width, layout.scale, { model, fold });
    const most = Math.max(2, (model.ended - model.began) / width / FINEST);
    zoom.scaleExtent([1, most]).extent([[0, 0], [width, 1]]).translateExtent([[0, 0], [width, 1]]);
    const { k, x } = scene.transform;
    target.call(zoom.transform, zoomIdentity.translate(x * moved, 0).scale(k));
    drawNow();
  }

  /** Show the part between two places (0..1 of the whole). */
  function zoomTo(left, right) {
    const k = Math.min(zoom.scaleExtent()[1], Math.max(1, 1 / (right - left)));
    const middle = ((left + right) / 2) * scene.width;
    target.call(zoom.transform, zoomIdentity.translate(scene.width / 2 - k * middle, 0).scale(k));
    target.call(zoom.translateBy, 0, 0); // keeps within the ends
  }

  function point(event) {
    const found = event && hitOf(scene, event.offsetX, event.offsetY + scroller.scrollTop);
    canvas.style.cursor = found ? "pointer" : "";
    if (found) tooltip.show(found, event.clientX, event.clientY);
    else tooltip.hide();
    if (found === scene.hovered || (found?.kind === "column" && !scene.hovered)) return;
    scene.hovered = found?.kind === "column" ? null : (found ?? null);
    draw();
  }

  target.call(zoom).on("dblclick.zoom", null);
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerleave", () => point(null));
  canvas.addEventListener("click", (event) => {
    const found = hitOf(scene, event.offsetX, event.offsetY + scroller.scrollTop);
    if (found?.kind === "column") api.zoomAround({ at: found.at, end: found.until });
    else if (found?.id) choose(found.id);
  });
  canvas.addEventListener("dblclick", () => api.zoomToSelected());
  canvas.addEventListener("wheel", (event) => {
    if (isZoom(event)) return;
    event.preventDefault();
    target.call(zoom.translateBy, -(event.deltaX || event.deltaY) / scene.transform.k, 0);
  });
  scroller.addEventListener("scroll", draw, { passive: true });
  for (const element of [plot, scroller]) new ResizeObserver(() => (textScale() === scene.layout.scale ? resize() : arrange())).observe(element);
  addEventListener("beforeprint", () => resize(true));
  addEventListener("afterprint", () => resize());

  const api = {
    show(current, matches, changed = new Set()) {
      const { selected } = current;
      legend.show(current);
      scene.selected = model.byId.get(selected) ?? null;
      if (matches !== scene.matches) judge(matches);
      if (changed.has("fold") || changed.has("hide")) arrange();
      else if (scene.width !== plot.clientWidth) resize();
      if (changed.has("selected") || changed.has("view")) reveal();
      draw();
    },
    refresh,
    zoomBy: (factor) => target.call(zoom.scaleBy, factor),
    zoomOut: () => target.call(zoom.transform, zoomIdentity),
    panBy: (share) => target.call(zoom.translateBy, (-share * scene.width) / scene.transform.k, 0),
    zoomToSelected() {
      const triple = tripleOf(scene.selected);
      if (!triple) return;
      const [left, right] = [fold.place(triple.at), fold.place(triple.end ?? triple.at)];
      const room = Math.max((right - left) * 0.2, 2000 / (model.ended - model.began));
      zoomTo(left - room, right + room);
    },
    /** Show something and what was around it. */
    zoomAround({ at, end }) {
      end ??= at;
      const room = Math.max(AROUND, end - at);
      zoomTo(fold.place(at - room), fold.place(end + room));
    },
    /** Unfold and show the lane of an item. */
    bringOut(item) {
      const keys = [sessionKeyOf(sessionOf(item)), laneKeyOf(item)];
      const without = (text) => keys.reduce((left, key) => withKey(left, key, false), text);
      const { fold: folded, hide } = state.get();
      state.set({ fold: without(folded), hide: without(hide) }, { passing: true });
    },
    /** Fold or unfold the session of what is selected; all of them if nothing is. */
    foldSelected() {
      if (scene.selected && scene.layout.lanes[0]?.kind === "group") toggle("fold", sessionKeyOf(sessionOf(scene.selected)));
      else [...tools.children].find(({ textContent }) => /fold all$/.test(textContent))?.click();
    },
  };
  return api;

  /** Move so that what is selected is in sight. */
  function reveal() {
    const item = scene.selected;
    if (!item || !scene.width) return;
    const at = scene.x(item.at);
    if (at < 0 || at > scene.width) {
      const half = (scene.to - scene.from) / 2;
      zoomTo(fold.place(item.at) - half, fold.place(item.at) + half);
    }
    const middle = scene.layout.placeOf(item)?.middle;
    const [top, height] = [scroller.scrollTop, scroller.clientHeight];
    if (middle < top + 30 || middle > top + height - 20) scroller.scrollTop = middle - height / 3; // its events are below
  }
}

/** A wheel that is turned sideways, or with Shift, moves; all else that d3 takes zooms or drags. */
function isZoom(event) {
  if (event.type !== "wheel") return !event.button;
  return !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY);
}

function summary({ triples, events, problems }) {
  const wrong = problems.filter(({ severity }) => severity !== "info");
  return `Timeline of ${count(triples.length, "operation")} and ${count(events.length, "event")}, with ${count(wrong.length, "problem")}.`;
}
