// What is wrong, told in the headline and in a list, and how one gets to it.

import { byId } from "./dom.js";
import { headlineOf } from "./panels/headline.js";
import { problemsOf } from "./panels/problems.js";
import { plain } from "./text.js";
import { momentOf } from "./timeline/series.js";

/** Fill the headline and the list; `timeline` is moved to what is chosen. */
export function wrongOf({ model, state, timeline }) {
  const box = byId("problems");
  const go = (problem) => {
    const { item, code, text } = problem;
    headline.at(problem);
    if (!item && code === "finding") return state.set({ view: "findings", selected: null });
    state.set({ selected: item?.id ?? null }, { passing: true });
    const empty = byId("detail").querySelector(".empty");
    if (item?.id === undefined && empty) empty.textContent = plain(text); // of a poll there are no details but this
    if (state.get().view === "timeline") {
      if (item) timeline.bringOut(item);
      timeline.zoomAround(item?.kind ? item : { at: momentOf(problem) }); // a lost poll may have begun long before
    }
    byId("announce").textContent = plain(text);
    if (state.get().list) list.mark(problem);
  };
  const toggle = () => {
    const isOpen = state.get().list !== "";
    state.set({ list: isOpen ? "" : "open" });
    if (!isOpen) list.focus();
  };
  const headline = headlineOf(byId("headline"), { model, go, list: toggle });
  const list = problemsOf(box, { model, go });
  let filled = false; // the list is long, and often not opened

  return {
    step: headline.step,
    toggle,
    /** Take over what the model holds now. */
    refresh() {
      headline.refresh();
      filled = false;
      this.show(state.get());
    },
    show({ list: isOpen, selected }) {
      box.hidden = !isOpen;
      headline.pressed(Boolean(isOpen));
      headline.show(model.byId.get(selected) ?? null);
      if (!isOpen || filled) return;
      filled = true;
      list.refresh();
    },
  };
}
