// The tabs of the views: one stop of the Tab key, the arrow keys go from one to the next.

import { byId, h } from "./dom.js";

/** The tabs of some views; `show(view)` is told which one is wanted. */
export function tabsOf(root, views, show) {
  const tabs = views.map((view, place) => {
    byId(`view-${view}`).setAttribute("aria-labelledby", `tab-${view}`);
    const key = h("kbd", { "aria-hidden": "true" }, String(place + 1));
    return h("button", { type: "button", role: "tab", id: `tab-${view}`, "aria-controls": `view-${view}`, "data-view": view, onclick: () => show(view) }, view, key);
  });
  root.append(...tabs);
  root.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    const tab = tabs.at(to % tabs.length);
    show(tab.dataset.view);
    tab.focus();
  });
  return {
    mark(view) {
      for (const tab of tabs) {
        const isChosen = tab.dataset.view === view;
        tab.setAttribute("aria-selected", String(isChosen));
        tab.tabIndex = isChosen ? 0 : -1;
      }
    },
  };
}
