// The timeline: what happened when, on lanes; can be zoomed, moved and pointed at.

import { select } from "d3-selection";
import { zoom as zooming, zoomIdentity } from "d3-zoom";

import { oncePerFrame, sized } from "./canvas.js";
import { h } from "../dom.js";
import { foldOf } from "./fold.js";
import { hitOf } from "./hit.js";
import { lanesOf } from "./lanes.js";
import { tripleOf } from "../data/model.js";
import { overviewOf } from "./overview.js";
import { AXIS, paint } from "./paint.js";
import { clipped, plain } from "../text.js";
import { themeOf } from "../theme.js";
import { tooltip } from "../panels/tooltip.js";

const FINEST = 20; // µs a pixel, at most

export function timelineOf(root, { model, choose }) {
  const spans = [...model.triples, ...model.plain, ...model.loose].map((item) => [item.at, item.end ?? item.at]);
  const fold = foldOf(spans, model.began, model.ended);
  const layout = lanesOf(model);
  const strip = h("canvas", { class: "overview", "aria-hidden": "true" });
  const canvas = h("canvas", { class: "lanes", role: "img", tabindex: 0, "aria-label": summary(model) });
  const plot = h("div", { class: "plot" }, canvas);
  const axis = h("canvas", { "aria-hidden": "true" });
  const head = h("div", { class: "timeline-head" }, h("div", { class: "gutter" }), h("div", { class: "plot" }, strip, axis));
  const scroller = h("div", { class: "scroller" }, labels(layout), plot);
  plot.style.height = `${layout.height}px`;
  root.append(head, scroller);

  const draw = oncePerFrame(drawNow);
  const overview = overviewOf(strip, { model, fold, show: (window) => (window ? zoomTo(...window) : draw()) });
  const target = select(canvas);
  const zoom = zooming().filter(isZoom).on("zoom", ({ transform }) => {
    scene.transform = transform;
    draw();
  });
  const scene = { model, fold, layout, transform: zoomIdentity, width: 0, matches: new Set(), selected: null, hovered: null };
  scene.theme = themeOf((theme) => {
    scene.theme = theme;
    draw();
  });
  scene.x = (moment) => scene.transform.applyX(fold.place(moment) * scene.width);
  scene.font = (size) => `${size}px ${scene.theme.family}`;

  function drawNow() {
    if (!scene.width) return;
    scene.scroll = scroller.scrollTop;
    scene.from = scene.transform.invertX(0) / scene.width;
    scene.to = scene.transform.invertX(scene.width) / scene.width;
    paint(scene);
    overview.draw(scene.theme, [scene.from, scene.to]);
  }

  /** Only what is in sight is drawn: the canvas is as high as that, and stays there. */
  function resize(whole = false) {
    const width = plot.clientWidth;
    if (!width) return;
    const height = whole === true ? layout.height : Math.min(layout.height, scroller.clientHeight);
    const moved = scene.width ? width / scene.width : 1;
    Object.assign(scene, { width, height, context: sized(canvas, width, height) });
    scene.axis = sized(axis, width, AXIS);
    overview.resize(width);
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
    if (found === scene.hovered) return;
    scene.hovered = found ?? null;
    draw();
  }

  target.call(zoom).on("dblclick.zoom", null);
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerleave", () => point(null));
  canvas.addEventListener("click", (event) => {
    const found = hitOf(scene, event.offsetX, event.offsetY + scroller.scrollTop);
    if (found?.id) choose(found.id);
  });
  canvas.addEventListener("dblclick", () => api.zoomToSelected());
  canvas.addEventListener("wheel", (event) => {
    if (isZoom(event)) return;
    event.preventDefault();
    target.call(zoom.translateBy, -(event.deltaX || event.deltaY) / scene.transform.k, 0);
  });
  scroller.addEventListener("scroll", draw, { passive: true });
  for (const element of [plot, scroller]) new ResizeObserver(() => resize()).observe(element);
  addEventListener("beforeprint", () => resize(true));
  addEventListener("afterprint", () => resize());

  const api = {
    show({ selected }, matches) {
      Object.assign(scene, { selected: model.byId.get(selected) ?? null, matches });
      if (scene.width !== plot.clientWidth) resize();
      reveal();
      draw();
    },
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
    const { middle } = layout.places.get(item);
    if (middle < scroller.scrollTop + 30) scroller.scrollTop = middle - 40;
    if (middle > scroller.scrollTop + scroller.clientHeight - 20) scroller.scrollTop = middle - scroller.clientHeight + 40;
  }
}

function labels({ lanes, height }) {
  const gutter = h("div", { class: "gutter" });
  gutter.style.height = `${height}px`;
  for (const { kind, label, top, height: size } of lanes) {
    const node = h("div", { class: `lane-label ${kind}`, title: plain(label) }, clipped(label, 60));
    node.style.top = `${top}px`;
    node.style.height = `${size}px`;
    gutter.append(node);
  }
  return gutter;
}

/** A wheel that is turned sideways, or with Shift, moves; all else that d3 takes zooms or drags. */
function isZoom(event) {
  if (event.type !== "wheel") return !event.button;
  return !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY);
}

function summary({ triples, events }) {
  return `Timeline of ${triples.length} operations and ${events.length} events. The table (key 3) lists the same.`;
}
