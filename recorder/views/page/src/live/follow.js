// Follow the end of the timeline, until the reader moves it.

import { byId, h } from "../dom.js";

const SHOWN = 10_000_000; // µs before the end

export function followOf(model, timeline) {
  const root = byId("view-timeline");
  const button = h("button", { type: "button", class: "follow", "aria-pressed": "true", title: "Keep the end in sight" }, "Follow");
  let follows = true;
  byId("live-bar").querySelector(".live-buttons").prepend(button);
  button.addEventListener("click", () => set(!follows));
  for (const name of ["wheel", "pointerdown"]) root.addEventListener(name, () => set(false), { passive: true, capture: true });
  addEventListener("keydown", ({ key, target }) => {
    if (!target.closest("input, textarea") && ["+", "=", "-", "−", "0", "z", "ArrowLeft", "ArrowRight"].includes(key)) set(false);
  });

  function set(value) {
    if (follows === value) return;
    follows = value;
    button.setAttribute("aria-pressed", String(value));
    show();
  }

  function show() {
    if (!follows || root.hidden) return;
    if (model.ended - model.began > SHOWN) timeline().zoomAround?.({ at: model.ended - SHOWN, end: model.ended });
    else timeline().zoomOut();
  }

  return { show };
}
