// The names beside the lanes. They are buttons: they fold a session or a lane, and hide it.

import { h } from "../dom.js";
import { count } from "../format.js";
import { clipped, plain } from "../text.js";
import { troublesOf } from "./lanes.js";

/** The names; `toggle(what, key)` is called with "fold" or "hide" and the key of a session or lane. */
export function gutterOf(toggle) {
  const element = h("div", { class: "gutter" });

  function show({ lanes, height }) {
    const focused = document.activeElement?.closest(".gutter") === element ? document.activeElement.dataset : null;
    element.style.height = `${height}px`;
    element.replaceChildren(...lanes.map(row));
    if (focused) {
      const buttons = [...element.querySelectorAll("button")];
      (buttons.find(({ dataset }) => dataset.does === focused.does && dataset.key === focused.key) ?? buttons[0])?.focus();
    }
  }

  function row(lane) {
    const { kind, key, label, top, height, folded, series, all } = lane;
    const name = h(
      "button",
      {
        type: "button",
        class: `lane-label ${kind}`,
        title: `${plain(label)}: ${kind === "group" ? "" : `${count(series.items.length, "item")}; `}click to ${folded ? "unfold" : "fold"}`,
        "aria-expanded": String(!folded),
        "data-does": "fold",
        "data-key": key,
        onclick: () => toggle("fold", key),
      },
      clipped(label, 60),
    );
    const hide = h("button", { type: "button", class: "hide", "aria-label": `Hide ${clipped(label, 60)}`, title: "hide", "data-does": "hide", "data-key": key, onclick: () => toggle("hide", key) }, "×");
    const node = h("div", { class: `lane-row ${kind} ${folded ? "folded" : ""}` }, name, troubles(all ?? [series]), hide);
    node.style.top = `${top}px`;
    node.style.height = `${height}px`;
    return node;
  }

  return { element, show };
}

/** How much is wrong on a lane or in a session, in a mark and a number. */
function troubles(all) {
  const { errors, warnings } = troublesOf(all);
  return [
    errors ? h("span", { class: "troubles error", title: count(errors, "error") }, `▼${errors}`) : null,
    warnings ? h("span", { class: "troubles warning", title: count(warnings, "warning") }, `▽${warnings}`) : null,
  ];
}
