// The bar of a live page: its state, numbers, the time, and buttons; those that steer a stand-in are in controls.js.

import { h } from "../dom.js";
import { clock, count } from "../format.js";
import { plain } from "../text.js";
import { controlsOf } from "./controls.js";
import { testButton } from "../panels/test.js";

const STATES = {
  recording: ["●", "recording"],
  choosing: ["●", "recording, choosing a dialect"],
  playing: ["▶", "playing"],
  paused: ["‖", "paused"],
  ended: ["■", "ended"],
  begun: ["…", "connecting"],
  lost: ["✕", "connection lost, trying again"],
};

export function barOf(root, model) {
  const state = h("span", { class: "live-state", role: "status" });
  const time = h("span", { class: "live-time", title: "since it began" });
  const numbers = h("span", { class: "facts live-numbers" });
  const trouble = h("span", { class: "live-trouble" });
  const buttons = h("span", { class: "live-buttons" }, testButton(model, "session", () => undefined));
  const controls = model.live.kind === "replay" ? controlsOf(model) : null;
  root.append(h("div", { class: "live-line" }, state, time, numbers, trouble, buttons));
  if (controls) root.append(controls.element);
  setInterval(tick, 250);
  show();

  function show() {
    const [sign, word] = STATES[stateOf(model.live)];
    if (root.dataset.state !== stateOf(model.live)) {
      root.dataset.state = stateOf(model.live);
      state.replaceChildren(h("span", { "aria-hidden": "true" }, `${sign} `), word);
    }
    numbers.textContent = numbersOf(model).join(" · ");
    trouble.textContent = troublesOf(model.live.state).map(plain).join(" · ");
    controls?.show();
    tick();
  }

  function tick() {
    time.textContent = clock(model.now()).replace(/\.\d+$/, "");
  }

  return { show };
}

export function stateOf({ state, connection }) {
  if (state.phase === "ended" || connection === "ended") return "ended";
  if (connection !== "open") return connection;
  return state.paused ? "paused" : (state.phase ?? "recording");
}

function numbersOf({ live }) {
  const { counts = {}, open = 0, requests, bytes, clients } = live.state;
  return [
    count(counts.triple ?? 0, "operation"),
    `${open} open`,
    count(counts.events ?? 0, "event"),
    counts.plain ? count(counts.plain, "other exchange") : null,
    counts.loose ? `${counts.loose} unsolicited` : null,
    counts.misses ? count(counts.misses, "miss", "misses") : null,
    counts.lost ? count(counts.lost, "lost poll") : null,
    requests === undefined ? null : count(requests, "request"),
    clients === undefined ? null : count(clients, "client"),
    bytes === undefined ? null : sizeOf(bytes),
  ].filter(Boolean);
}

/** What the page cannot show, and why. */
function troublesOf({ letGo, lost, broken }) {
  return [
    letGo ? `${count(letGo, "older item")} no longer shown` : null,
    lost ? `${count(lost, "record")} not shown here: too many at once` : null,
    broken || null,
  ].filter(Boolean);
}

function sizeOf(bytes) {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1000)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
