// All that is wrong, a sentence each, beside the views.

import { h, textScale } from "../dom.js";
import { clock, count } from "../format.js";
import { isSame } from "./headline.js";
import { codeWord, SIGNS } from "./parts.js";
import { rowsOf } from "./rows.js";
import { clipped, plain } from "../text.js";
import { momentOf } from "../timeline/series.js";

const HEIGHT = 54;

/** `go(problem)` shows one. */
export function problemsOf(root, { model, go }) {
  const scroller = h("div", { class: "scroller", tabindex: 0, role: "listbox", "aria-label": "Problems" });
  const title = h("h2", {});
  root.append(title, scroller);
  const rows = rowsOf({ scroller, body: scroller, height: HEIGHT * textScale(), spacer, render });
  let chosen = null;

  function render(problem, place) {
    const { code, severity, text, item } = problem;
    const option = h(
      "div",
      {
        role: "option",
        id: `problem-${place}`,
        class: `problem ${severity}`,
        "aria-selected": String(problem === chosen),
        "aria-setsize": model.problems.length,
        "aria-posinset": place + 1,
        onclick: () => choose(problem),
      },
      h("p", {}, h("span", { class: `flag ${severity}` }, h("span", { "aria-hidden": "true" }, SIGNS[severity]), codeWord(code)), h("span", { class: "facts" }, problem.at === null ? "" : clock(momentOf(problem)))),
      h("p", { class: "sentence", title: plain(text) }, h("b", {}, aboutOf(item)), " ", clipped(text, 200)),
    );
    return option;
  }

  function choose(problem) {
    go(problem);
    mark(problem);
  }

  /** Show which one is chosen, and scroll to it. */
  function mark(problem) {
    chosen = problem;
    const place = model.problems.indexOf(problem);
    rows.draw();
    rows.reveal(place);
    if (place < 0) scroller.removeAttribute("aria-activedescendant");
    else scroller.setAttribute("aria-activedescendant", `problem-${place}`);
  }

  scroller.addEventListener("keydown", (event) => {
    const place = model.problems.indexOf(chosen);
    const last = model.problems.length - 1;
    const to = { ArrowDown: Math.min(last, place + 1), ArrowUp: Math.max(0, place - 1), Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    event.stopPropagation();
    choose(model.problems[to]);
  });

  return {
    mark,
    focus: () => scroller.focus(),
    /** Take over what the model holds now. */
    refresh() {
      const notes = model.problems.filter(({ severity }) => severity === "info").length;
      chosen = chosen && (model.problems.find((problem) => isSame(problem, chosen)) ?? null);
      title.textContent = count(model.problems.length - notes, "problem") + (notes ? `, ${count(notes, "note")}` : "");
      rows.set(model.problems);
    },
  };
}

/** What a problem is of. */
function aboutOf(item) {
  if (!item?.kind) return item?.session ? `session ${item.session}` : "";
  if (item.kind === "event") return `${item.triple.n} ${clipped(item.triple.label, 40)}, ${clipped(item.name, 40)}`;
  return item.kind === "triple" ? `${item.n} ${clipped(item.label, 40)}` : clipped(item.label ?? item.name, 60);
}

function spacer() {
  const element = h("div", { "aria-hidden": "true" });
  return { element, size: (px) => (element.style.height = `${px}px`) };
}
